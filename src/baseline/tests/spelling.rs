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

#[test]
fn a_name_that_may_be_any_makes_no_key_like_it() {
    let told = |key: &str| {
        let text = format!("name: a\nparameters: {{ {key}: 1 }}\n");
        let (layers, _) = load(&["a"], &mut |_| Ok(Found::text("a", text.clone())));
        let host = Host { facts: &facts(), expand: &|_| Matches::default(), exists: &|_| false };
        let (_, problems) = resolve(&layers, &host);
        let help = |p: Diagnostic| (p.is_error(), p.help.unwrap_or_default());
        problems.into_iter().map(help).collect::<Vec<_>>()
    };
    for key in
        ["net.rds.tcp.rds_tcp_sndbuf", "net.appletalk.x.aarp-expiry-time", "abi.b.c.vsyscall"]
    {
        assert!(told(key).is_empty(), "{key}: {:?}", told(key));
    }
    let [(true, help)] = &told("net.netfilter.nf_lgo.2")[..] else { panic!() };
    assert!(help.contains("did you mean net.netfilter.nf_log.2?"), "{help}");
}
