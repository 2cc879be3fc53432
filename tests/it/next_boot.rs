//! What a plan says of the next boot, where the files as they are now do not tell.

use crate::operator::{Host, Ran};

const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

#[track_caller]
fn tells(ran: &Ran, code: i32, texts: &[&str]) {
    // Lines are folded.
    let told = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ran.code, code, "{} {}", ran.out, ran.err);
    for text in texts {
        assert!(told.contains(text), "{text}: {}", ran.out);
    }
}

fn boot_of(host: &Host) -> (serde_json::Value, serde_json::Value) {
    let ran = host.run(["plan", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let parameter = &json["parameters"][0];
    (parameter["boot"]["systemd"]["value"].clone(), parameter["boot_status"].clone())
}

#[test]
fn a_glob_writes_both_ends_of_a_limit_in_the_order_of_their_names_e25() {
    let host = Host::new();
    host.live("net.ipv4.ipfrag_high_thresh = 262144\nnet.ipv4.ipfrag_low_thresh = 196608\n");
    let baseline = "name: a\nparameters: { net.ipv4.ipfrag_high_thresh: 262144 }\n";
    host.file("etc/tunectl/baseline.yaml", baseline);
    host.file("etc/sysctl.d/zz.conf", "net.ipv4.ipfrag_*_thresh = 262144\n");
    tells(&host.run(PLAN), 2, &["which the kernel refuses beside net.ipv4.ipfrag_low_thresh"]);
    assert_eq!(boot_of(&host), (serde_json::Value::Null, "overridden".into()));
}
