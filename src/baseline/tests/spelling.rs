//! What a misspelt key is taken for, and what is taken for no slip.
use super::*;

#[test]
fn what_this_kernel_has_for_interfaces_to_come_is_no_slip() {
    let text = "name: a\nparameters: { net.ipv4.conf.wan7.rp_filters: 1 }\n";
    let (layers, _) = load(&["a"], &mut |_| Ok(Found::text("a", text)));
    let told = |usual: bool| {
        let exists = |key: &Key| usual && key.as_path() == "net/ipv4/conf/default/rp_filters";
        let host = Host { facts: &facts(), expand: &|_| Matches::default(), exists: &exists };
        resolve(&layers, &host).1.into_iter().map(|p| p.message).collect::<Vec<_>>()
    };
    assert_eq!(told(false), ["there is no parameter net.ipv4.conf.wan7.rp_filters"]);
    assert!(told(true).is_empty());
}
