//! Classes of bytes that the reader and the judge ask for, in one table.
//!
//! Keys stand close together in some texts, and each is read by many small questions: where does this run of bytes end, is
//! there a bracket in the value? One look at a table answers each.

/// Bytes of an identifier.
pub(super) const NAME: u16 = 1;
/// Bytes of a type in program text, as in `Option<&'a str>`.
pub(super) const TYPE: u16 = 1 << 1;
/// What ends a bare value in any text.
pub(super) const STOP: u16 = 1 << 2;
/// What ends a bare value on a line of its own.
pub(super) const LINE_STOP: u16 = 1 << 3;
/// What operators consist of.
pub(super) const SIGN: u16 = 1 << 4;
/// ASCII digits.
pub(super) const DIGIT: u16 = 1 << 5;
/// Colon, slash, full stop or number sign: in every path, address and file name.
pub(super) const PLACE: u16 = 1 << 6;
/// Brackets that open.
pub(super) const OPEN: u16 = 1 << 7;
/// Brackets that close.
pub(super) const CLOSE: u16 = 1 << 8;
/// What references to variables begin with or hold, beside brackets.
pub(super) const REFERENCE: u16 = 1 << 9;
/// What pointers begin with.
pub(super) const POINTER: u16 = 1 << 10;
/// What the words begin with that stand for a value.
pub(super) const PLACEHOLDER: u16 = 1 << 11;

static CLASSES: [u16; 256] = classes();

const fn classes() -> [u16; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        let mut class = 0;
        let alphanumeric = byte.is_ascii_alphanumeric();
        if alphanumeric || matches!(byte, b'_' | b'-' | b'.') {
            class |= NAME;
        }
        if alphanumeric || matches!(byte, b'_' | b'<' | b'>' | b'?' | b'&' | b'\'' | b'.') {
            class |= TYPE;
        }
        if byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | 0x1b) {
            class |= STOP | LINE_STOP;
        }
        if matches!(
            byte,
            b'`' | b',' | b';' | b'<' | b'>' | b')' | b'}' | b']' | b'&' | b'|' | b'\\'
        ) {
            class |= STOP;
        }
        if matches!(byte, b':' | b'=' | b'!' | b'?' | b'.' | b'+' | b'|' | b'~')
            || matches!(byte, b'<' | b'>' | b'-' | b'%' | b'&')
        {
            class |= SIGN;
        }
        if byte.is_ascii_digit() {
            class |= DIGIT;
        }
        if matches!(byte, b':' | b'/' | b'.' | b'#') {
            class |= PLACE;
        }
        if matches!(byte, b'(' | b'[' | b'{' | b'<') {
            class |= OPEN;
        }
        if matches!(byte, b')' | b']' | b'}') {
            class |= CLOSE;
        }
        if matches!(byte, b'$' | b'!' | b'#' | b'%' | b'@' | b'_') {
            class |= REFERENCE;
        }
        if matches!(byte, b'*' | b'&') {
            class |= POINTER;
        }
        if matches!(
            byte.to_ascii_lowercase(),
            b'c'..=b'e' | b'p' | b'r' | b'i' | b't' | b'x' | b'y'
        ) || matches!(byte, b'*' | b'.')
        {
            class |= PLACEHOLDER;
        }
        table[i] = class;
        i += 1;
    }
    table
}

/// Whether `byte` is of one of the classes.
pub(super) fn is(byte: u8, classes: u16) -> bool {
    CLASSES[usize::from(byte)] & classes != 0
}

/// How many bytes at the start of `text`, of at most `most`, are of one of the classes.
pub(super) fn run(text: &[u8], most: usize, classes: u16) -> usize {
    let text = &text[..text.len().min(most)];
    text.iter().position(|b| !is(*b, classes)).unwrap_or(text.len())
}

/// The first byte of `text` that is of one of the classes.
pub(super) fn find(text: &[u8], classes: u16) -> Option<usize> {
    // Values may be long: several bytes for one branch.
    let (pieces, _) = text.as_chunks::<8>();
    let are = |piece: &&[u8; 8]| all(*piece) & classes == 0;
    let skipped = 8 * pieces.iter().take_while(are).count();
    let rest = text[skipped..].iter().position(|b| is(*b, classes));
    rest.map(|at| skipped + at)
}

/// All classes of the bytes of `text`.
pub(super) fn all(text: &[u8]) -> u16 {
    text.iter().fold(0, |classes, b| classes | CLASSES[usize::from(*b)])
}
