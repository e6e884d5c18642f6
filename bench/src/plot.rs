//! Bar plots as SVG: what the tables say, for a reader in a hurry.
//!
//! One bar per row, from zero, with its number; nothing is smoothed or left out. The colours have contrast on light and
//! dark pages.

use std::fmt::Write as _;

const LEFT: f64 = 170.0;
const WIDTH: f64 = 420.0;
const RIGHT: f64 = 110.0;
const ROW: f64 = 24.0;
const TOP: f64 = 56.0;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What stands left of it.
    pub label: String,
    /// Its length.
    pub value: f64,
    /// Whether it is ours.
    pub ours: bool,
}

/// A plot of `bars` from the top down; `unit` stands behind the numbers, `note` under the title.
pub fn bars(title: &str, note: &str, unit: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let (width, height) = (LEFT + WIDTH + RIGHT, TOP + ROW * bars.len() as f64 + 12.0);
    let mut svg = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        let done = writeln!(svg, "{text}");
        debug_assert!(done.is_ok());
    };
    line(format_args!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" role="img">"#
    ));
    line(format_args!("<title>{}</title>", escape(title)));
    line(format_args!(r##"<rect width="100%" height="100%" fill="#ffffff"/>"##));
    line(format_args!(
        r##"<text x="12" y="22" font-size="15" font-weight="bold" fill="#1f2328">{}</text>"##,
        escape(title)
    ));
    line(format_args!(
        r##"<text x="12" y="41" font-size="11" fill="#59636e">{}</text>"##,
        escape(note)
    ));
    for (i, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * i as f64;
        let long = (bar.value.max(0.0) / most * WIDTH).max(1.0);
        let colour = if bar.ours { "#0b6bcb" } else { "#8c959f" };
        line(format_args!(
            r##"<text x="{:.0}" y="{:.1}" font-size="12" text-anchor="end" fill="#1f2328">{}</text>"##,
            LEFT - 8.0,
            y + 15.0,
            escape(&bar.label)
        ));
        line(format_args!(
            r#"<rect x="{LEFT}" y="{:.1}" width="{long:.1}" height="{:.0}" fill="{colour}"/>"#,
            y + 2.0,
            ROW - 6.0
        ));
        line(format_args!(
            r##"<text x="{:.1}" y="{:.1}" font-size="12" fill="#1f2328">{} {}</text>"##,
            LEFT + long + 6.0,
            y + 15.0,
            number(bar.value),
            escape(unit)
        ));
    }
    line(format_args!("</svg>"));
    svg
}

/// Three digits, more or less.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_plot_and_text_is_escaped() {
        let bar = |label: &str, value, ours| Bar { label: label.to_owned(), value, ours };
        let svg = bars("a < b", "note", "GB/s", &[bar("x", 2.0, true), bar("y", 1.0, false)]);
        assert!(svg.contains("a &lt; b") && !svg.contains("a < b"));
        assert!(svg.contains(r#"width="420.0""#) && svg.contains(r#"width="210.0""#));
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains("2.00 GB/s"));
    }

    #[test]
    fn no_rows_make_an_empty_plot() {
        assert!(bars("t", "n", "s", &[]).ends_with("</svg>\n"));
    }
}
