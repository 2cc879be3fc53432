//! What one source file names: every path in its syntax tree, resolved against its module.

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{
    Attribute, File, Item, ItemFn, ItemMod, ItemUse, Lit, Macro, Meta, Path, UseTree, VisRestricted,
};

/// Something that a file names beyond its own module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A path below the crate's root; at least one segment. A trailing `*` is a glob.
    Inside(Vec<String>),
    /// The crate's root itself, through which any room could be reached.
    Root(String),
    /// A path that starts with neither `crate`, `self` nor `super`.
    Outside(Vec<String>),
    /// A lint that is switched off for some code.
    Allowed(String),
    /// A way around this reading of the sources.
    Hidden(String),
}

/// A name, and whether only tests are compiled with it.
#[derive(Debug)]
pub struct Found {
    pub name: Name,
    pub in_tests: bool,
}

/// The module that a file below `src` is: `plan/order.rs` is `["plan", "order"]`.
pub fn module_of(file: &str) -> Vec<String> {
    let stem = file.strip_suffix(".rs").unwrap();
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if matches!(stem, "lib" | "main") {
        return Vec::new();
    }
    stem.split('/').map(str::to_owned).collect()
}

/// All that `text`, the contents of `file`, names.
pub fn names(file: &str, text: &str) -> Vec<Found> {
    let tree: File = syn::parse_file(text).unwrap_or_else(|e| panic!("{file}: {e}"));
    let module = module_of(file);
    let in_tests = module.last().is_some_and(|m| m == "tests");
    let mut reader = Reader { module, in_tests, found: Vec::new() };
    reader.visit_file(&tree);
    reader.found
}

/// The modules that `text`, the contents of `file`, declares to be in files of their own.
pub fn declared(file: &str, text: &str) -> Vec<Vec<String>> {
    let tree: File = syn::parse_file(text).unwrap_or_else(|e| panic!("{file}: {e}"));
    let child = |item: &Item| match item {
        Item::Mod(m) if m.content.is_none() => Some(m.ident.to_string()),
        _ => None,
    };
    let below = |name| module_of(file).into_iter().chain([name]).collect();
    tree.items.iter().filter_map(child).map(below).collect()
}

struct Reader {
    module: Vec<String>,
    in_tests: bool,
    found: Vec<Found>,
}

impl Reader {
    fn push(&mut self, name: Name) {
        self.found.push(Found { name, in_tests: self.in_tests });
    }

    /// Notes a path as it is written, after working out where it leads.
    fn path(&mut self, written: &[String]) {
        let mut rest = written;
        let mut from = match rest.first().map(String::as_str) {
            Some("crate") => {
                rest = &rest[1..];
                Vec::new()
            }
            Some("self" | "super") => {
                if rest[0] == "self" {
                    rest = &rest[1..];
                }
                let mut module = self.module.clone();
                while rest.first().is_some_and(|s| s == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
                module
            }
            _ => return self.push(Name::Outside(written.to_vec())),
        };
        from.extend_from_slice(rest);
        self.push(match from.first().map(String::as_str) {
            None | Some("*" | "self") => Name::Root(written.join("::")),
            Some(_) => Name::Inside(from),
        });
    }

    /// Notes each path that a `use` tree stands for.
    fn tree(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |last: String| prefix.iter().cloned().chain([last]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(p) => self.tree(&with(p.ident.to_string()), &p.tree),
            UseTree::Group(g) => g.items.iter().for_each(|t| self.tree(prefix, t)),
            UseTree::Glob(_) => self.path(&with("*".to_owned())),
            UseTree::Name(n) if n.ident == "self" && !prefix.is_empty() => self.path(prefix),
            UseTree::Rename(r) if r.ident == "self" && !prefix.is_empty() => self.path(prefix),
            UseTree::Name(n) => self.path(&with(n.ident.to_string())),
            UseTree::Rename(r) => self.path(&with(r.ident.to_string())),
        }
    }

    /// Notes the paths in the tokens of a macro or an attribute, which have no syntax tree.
    fn tokens(&mut self, tokens: &[String]) {
        let is = |i: usize, text: &str| tokens.get(i).is_some_and(|t| t == text);
        let joint = |i: usize| is(i, ":") && is(i + 1, ":");
        let mut i = 0;
        while i < tokens.len() {
            let start = i;
            i += 1;
            if !is_word(&tokens[start]) || tokens[start] == "Self" || !joint(i) {
                continue;
            }
            while joint(i) {
                i += 2;
                if is(i, "{") {
                    i = closing(tokens, i);
                } else if !tokens.get(i).is_some_and(|t| is_word(t) || t == "*") {
                    break;
                }
                i += 1;
            }
            let text = tokens[start..i.min(tokens.len())].join(" ").replace(": :", "::");
            let text = text.trim_end_matches([' ', ':', '<']);
            match syn::parse_str::<UseTree>(text) {
                Ok(tree) => self.tree(&[], &tree),
                Err(_) => self.push(Name::Hidden(format!("{text:?} in a macro"))),
            }
        }
    }

    fn attribute(&mut self, tokens: &[String], switches_off: bool) {
        for (i, token) in tokens.iter().enumerate() {
            if let Some(text) = token.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
                self.literal(text);
            }
            if switches_off && is_word(token) && tokens.get(i + 1).is_none_or(|t| t != ":") {
                self.push(Name::Allowed(token.clone()));
            }
        }
    }

    /// serde takes paths as strings.
    fn literal(&mut self, text: &str) {
        if let Ok(path) = syn::parse_str::<Path>(text)
            && path.segments.len() > 1
        {
            self.visit_path(&path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        item.attrs.iter().for_each(|a| self.visit_attribute(a));
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.len() > 1 {
            let written: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
            self.path(&written);
        }
        visit::visit_path(self, path);
    }

    /// `pub(super)` and `pub(in …)` let others in; they reach nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let outer = self.in_tests;
        self.in_tests |= item.attrs.iter().any(only_for_tests);
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
        self.in_tests = outer;
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        let outer = self.in_tests;
        self.in_tests |= item.attrs.iter().any(only_for_tests);
        visit::visit_item_fn(self, item);
        self.in_tests = outer;
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.push(Name::Hidden(format!("extern crate {}", item.ident)));
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        if call.path.is_ident("include") {
            self.push(Name::Hidden("include!".to_owned()));
        }
        let buffer = TokenBuffer::new2(call.tokens.clone());
        self.tokens(&flat(buffer.begin()));
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let path = attribute.path();
        self.visit_path(path);
        let switches_off = ["allow", "expect", "cfg_attr"].iter().any(|l| path.is_ident(l));
        match &attribute.meta {
            Meta::Path(_) => {}
            Meta::List(list) => {
                let buffer = TokenBuffer::new2(list.tokens.clone());
                let tokens = flat(buffer.begin());
                self.tokens(&tokens);
                self.attribute(&tokens, switches_off);
            }
            Meta::NameValue(_) if path.is_ident("doc") => {}
            Meta::NameValue(_) if path.is_ident("path") => {
                self.push(Name::Hidden("#[path]".to_owned()));
            }
            Meta::NameValue(pair) => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => {
                    self.literal(&text.value());
                }
                other => self.visit_expr(other),
            },
        }
    }
}

fn only_for_tests(attribute: &Attribute) -> bool {
    let is_cfg_test = || attribute.parse_args::<syn::Ident>().is_ok_and(|i| i == "test");
    attribute.path().is_ident("test") || attribute.path().is_ident("cfg") && is_cfg_test()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && token.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
}

/// Where the brace that opens at `open` closes.
fn closing(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return i,
            "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The tokens as text, groups opened.
fn flat(mut cursor: Cursor<'_>) -> Vec<String> {
    let mut tokens = Vec::new();
    while !cursor.eof() {
        if let Some((inner, delimiter, _, next)) = cursor.any_group() {
            let (open, close) = match format!("{delimiter:?}").as_str() {
                "Brace" => ("{", "}"),
                "Bracket" => ("[", "]"),
                "Parenthesis" => ("(", ")"),
                _ => ("", ""),
            };
            tokens.push(open.to_owned());
            tokens.extend(flat(inner));
            tokens.push(close.to_owned());
            cursor = next;
        } else if let Some((tree, next)) = cursor.token_tree() {
            tokens.push(tree.to_string());
            cursor = next;
        } else {
            break;
        }
    }
    tokens.retain(|t| !t.is_empty());
    tokens
}
