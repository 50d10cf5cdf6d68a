//! Random bytes, drawn in one place.

/// Gives random bytes. Tests bring their own.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer.
    ///
    /// # Errors
    /// When the system has none to give.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), super::Error>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[allow(clippy::disallowed_methods, reason = "the one place that draws random bytes")]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), super::Error> {
        getrandom::fill(buffer).map_err(|_| super::Error::NoEntropy)
    }
}
