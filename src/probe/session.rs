//! Where the session comes from that runs this: sudo hides what sshd said, the processes above do
//! not.

use std::net::IpAddr;
use std::path::Path;

use super::text;

/// Of processes above this one no more are asked.
const DEEPEST: usize = 32;
/// What sshd puts into the environment of each session: the peer's address, ports, our own.
const SAID: &str = "SSH_CONNECTION=";

/// The peer of the session that this process was started in; `None`: it is of this host, or that
/// cannot be told. Of the environments above only that one variable is looked for.
pub fn session() -> Option<IpAddr> {
    if let Ok(said) = std::env::var(SAID.trim_end_matches('=')) {
        return peer(&said);
    }
    let mut pid = nix::unistd::getppid().as_raw();
    for _ in 0..DEEPEST {
        if pid <= 1 {
            break;
        }
        let about = |what: &str| text(Path::new("/"), &format!("proc/{pid}/{what}"));
        if let Ok(environment) = about("environ")
            && let Some(said) = environment.split('\0').find_map(|v| v.strip_prefix(SAID))
        {
            return peer(said);
        }
        pid = parent(&about("stat").ok()?)?;
    }
    None
}

fn peer(said: &str) -> Option<IpAddr> {
    // A link-local address has its interface behind a `%`.
    said.split_whitespace().next()?.split('%').next()?.parse().ok()
}

/// `17 (comm) S 1 …`; the name may have blanks and brackets in it.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_comes_first() {
        assert_eq!(peer("192.0.2.7 50022 192.0.2.1 22"), "192.0.2.7".parse().ok());
        assert_eq!(peer("fe80::1%eth0 50022 fe80::2%eth0 22"), "fe80::1".parse().ok());
        assert_eq!(peer(""), None);
    }

    #[test]
    fn a_name_with_brackets_hides_no_parent() {
        assert_eq!(parent("17 (a) (b)) S 4 17 17"), Some(4));
    }
}
