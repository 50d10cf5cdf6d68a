//! The Mann-Whitney U test: whether one of two samples tends to be greater.

/// The middle one.
pub(crate) fn median(sample: &mut [f64]) -> f64 {
    sample.sort_by(f64::total_cmp);
    sample[sample.len() / 2]
}

/// How likely a difference at least as great is when both come from one distribution: two-sided, by the normal
/// approximation, with correction for ties.
pub(crate) fn p_value(first: &[f64], second: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = first.iter().map(|value| (*value, true)).collect();
    all.extend(second.iter().map(|value| (*value, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let run = all[at..].iter().take_while(|value| value.0 == all[at].0).count();
        // Equal values share the middle of their ranks, which count from one.
        let rank = at as f64 + (run as f64 + 1.0) / 2.0;
        rank_sum += rank * all[at..at + run].iter().filter(|value| value.1).count() as f64;
        ties += (run as f64).powi(3) - run as f64;
        at += run;
    }
    let (n, m) = (first.len() as f64, second.len() as f64);
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let variance = n * m / 12.0 * (n + m + 1.0 - ties / ((n + m) * (n + m - 1.0)));
    let z = ((u - n * m / 2.0).abs() - 0.5).max(0.0) / variance.sqrt();
    erfc(z / std::f64::consts::SQRT_2)
}

/// The complementary error function of a number that is not negative (Abramowitz and Stegun 7.1.26, to 1.5e-7).
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let terms = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    terms.into_iter().fold(0.0, |sum, term| (sum + term) * t) * (-x * x).exp()
}
