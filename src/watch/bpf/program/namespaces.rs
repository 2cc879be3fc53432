//! Whose value it is that is written: that of tunectl's own namespaces, or of others.

use super::super::assembler::{Assembler, If, Label, Reg, Width};
use super::super::layout::{Layout, Step};
use super::super::record::flag;
use super::super::wanted::{Domain, entry};
use super::{NUMBER, Plan, TASK, follow, probe};

/// How a namespace's number is found.
enum Way {
    /// From the set of parameters that the written one is in; a parameter outside of any set is
    /// the machine's.
    Set(i16),
    /// The same; one outside of any set is the writer's own.
    SetOrOwn(i16, Step),
    /// The writer's own namespace.
    Own(Step),
    /// There is one for the machine.
    Machine,
    /// It is not known.
    Unknown,
}

impl Way {
    fn of(domain: Domain, layout: &Layout) -> Self {
        let set = |pick: fn(&super::super::layout::Set) -> Option<i16>| {
            layout.set.as_ref().and_then(pick)
        };
        match domain {
            Domain::Machine => Self::Machine,
            // A file may be opened in one network namespace and written from another: what is
            // written is what it was opened in.
            Domain::Net => set(|s| s.net).map_or(Self::Own(layout.net), Self::Set),
            Domain::Ipc | Domain::Queues => {
                let set = if domain == Domain::Ipc { set(|s| s.ipc) } else { set(|s| s.queues) };
                set.map_or(Self::Own(layout.ipc), |s| Self::SetOrOwn(s, layout.ipc))
            }
            Domain::Uts => Self::Own(layout.uts),
            Domain::User => set(|s| s.user).map_or(Self::Unknown, Self::Set),
            Domain::Pid => set(|s| s.pid).map_or(Self::Machine, Self::Set),
        }
    }
}

impl Plan {
    /// Whether the program can tell whose value of `domain` is written.
    pub fn tells(&self, domain: Domain) -> bool {
        let home = self.home_of(domain) != 0;
        match self.layout.as_ref().map(|l| Way::of(domain, l)) {
            _ if domain == Domain::Machine => true,
            None | Some(Way::Unknown) => false,
            Some(Way::Machine) => true,
            Some(Way::Set(_) | Way::SetOrOwn(..) | Way::Own(_)) => home,
        }
    }

    fn home_of(&self, domain: Domain) -> u32 {
        match domain {
            Domain::Machine => 0,
            Domain::Net => self.home.net,
            Domain::Ipc | Domain::Queues => self.home.ipc,
            Domain::Uts => self.home.uts,
            Domain::User => self.home.user,
            Domain::Pid => self.home.pid,
        }
    }

    /// Leaves in R9 what is known of the namespace.
    pub(super) fn tell_namespace(&self, a: &mut Assembler) {
        let (here, judged) = (a.label(), a.label());
        a.set(Reg::R9, 0);
        a.load(Width::Word, Reg::R1, Reg::R7, entry::DOMAIN);
        a.jump_if_imm(Reg::R1, If::Equal, 0, here);
        if let Some(layout) = &self.layout {
            for domain in Domain::OF_NAMESPACES.into_iter().filter(|d| self.tells(*d)) {
                let next = a.label();
                let number = i32::try_from(domain as u32).unwrap_or_default();
                a.jump_if_imm(Reg::R1, If::Differs, number, next);
                self.compare(a, domain, layout, here, judged);
                a.place(next);
            }
        }
        a.jump(judged);
        a.place(here);
        a.set(Reg::R9, flag::NAMESPACE_KNOWN);
        a.place(judged);
    }

    fn compare(
        &self,
        a: &mut Assembler,
        domain: Domain,
        layout: &Layout,
        here: Label,
        judged: Label,
    ) {
        let outside = a.label();
        a.store_imm(Width::Double, Reg::R10, NUMBER, 0);
        match Way::of(domain, layout) {
            Way::Machine | Way::Unknown => return a.jump(here),
            Way::Own(step) => own_number(a, layout, step),
            Way::Set(number) => {
                set_number(a, layout, number, here, judged);
            }
            Way::SetOrOwn(number, step) => {
                let found = a.label();
                set_number(a, layout, number, outside, judged);
                a.jump(found);
                a.place(outside);
                own_number(a, layout, step);
                a.place(found);
            }
        }
        a.load(Width::Word, Reg::R1, Reg::R10, NUMBER);
        a.jump_if_imm(Reg::R1, If::Equal, 0, judged);
        a.set_wide(Reg::R2, self.home_of(domain).into());
        a.jump_if(Reg::R1, If::Equal, Reg::R2, here);
        a.set(Reg::R9, flag::NAMESPACE_KNOWN | flag::NAMESPACE_OTHER);
        a.jump(judged);
    }
}

/// The number of the namespace that the written set of parameters is part of.
fn set_number(a: &mut Assembler, layout: &Layout, number: i16, outside: Label, judged: Label) {
    let Some(set) = layout.set else {
        return;
    };
    a.mov(Reg::R3, Reg::R6);
    follow(a, set.way.0);
    follow(a, set.way.1);
    a.jump_if_imm(Reg::R3, If::Equal, 0, judged);
    a.mov(Reg::R8, Reg::R3);
    follow(a, set.is_seen);
    a.jump_if_imm(Reg::R3, If::Equal, 0, outside);
    a.mov(Reg::R3, Reg::R8);
    probe(a, (Reg::R10, NUMBER), 4, number);
}

/// The number of a namespace of the writer's own.
pub(super) fn own_number(a: &mut Assembler, layout: &Layout, step: Step) {
    a.load(Width::Double, Reg::R3, Reg::R10, TASK);
    follow(a, layout.task.nsproxy);
    follow(a, step.pointer);
    probe(a, (Reg::R10, NUMBER), 4, step.number);
}
