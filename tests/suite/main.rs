//! Properties and cases of the engine, through its public API, for every scanner.

mod blocks;
mod bytes;
mod cases;
mod chunking;
mod coded;
mod flush;
mod long_lines;
mod masks;
mod matches;
mod replay;
mod rows;
mod shapes;
