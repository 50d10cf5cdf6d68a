//! What a measurement was told when it was started.

/// A plan of the words; where they are none, they are complained about, and the measurement ends.
pub(crate) fn plan<P>(of: impl FnOnce(&[String]) -> Result<P, String>) -> P {
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    of(&words).unwrap_or_else(|complaint| {
        eprintln!("{complaint}");
        std::process::exit(2)
    })
}
