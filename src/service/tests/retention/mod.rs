//! Retention on a real database: what goes, what stays, and what readers are told.

mod absence;
mod killing;
mod walking;
