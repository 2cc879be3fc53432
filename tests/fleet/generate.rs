//! Writes a made-up fleet's reports to standard output, a line each, and what is wrong in it to a
//! file: `fleet-reports SEED HOSTS AGAIN NOW KNOWN.json`. Of AGAIN in 10,000 hosts there is an older
//! report as well; NOW is in seconds since 1970.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a tool of the tests")]

mod reports;

use std::io::{self, BufWriter, Write as _};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [seed, hosts, again, now, known] = args.as_slice() else {
        return Err("usage: fleet-reports SEED HOSTS AGAIN NOW KNOWN.json".into());
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let found =
        reports::generate(seed.parse()?, hosts.parse()?, again.parse()?, now.parse()?, &mut out)?;
    out.flush()?;
    std::fs::write(known, serde_json::to_string_pretty(&found)?)?;
    Ok(())
}
