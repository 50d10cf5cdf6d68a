//! What goes out, over mutual TLS on loopback, to providers that answer as tests say.

mod pushes;
