//! A report read from its line: what is usual is compared, what is not is parsed.

use crate::wire::report::{MOST_PARAMETERS, REPORT_SCHEMA};

use super::bytes::order;
use super::json::{Bad, Cursor, fields};
use super::memo::{Memo, Role, Walk};
use super::record::{Event, Parameter, Record, Text, Writer};
use super::time;

/// So many parameters, further ones, events or roles a report may have.
const MOST: usize = 4096;
const _: () = assert!(MOST > MOST_PARAMETERS, "each is written so that it can be read");
/// As long as a host's name may be; DNS allows 253 bytes.
const LONGEST_NAME: usize = 255;

fields!(Top {
    Schema = "schema",
    Time = "time",
    Host = "host",
    Version = "version",
    Result = "result",
    Baseline = "baseline",
    Summary = "summary",
    Pressure = "pressure",
    Boot = "boot",
    Drift = "drift",
    Parameters = "parameters",
    Others = "others",
    Errors = "errors",
});

impl<'a> Record<'a> {
    /// Reads a line; what is known of parameters is in `memo`.
    ///
    /// # Errors
    /// It is no JSON, no report, or one of another version.
    pub fn read(line: &'a str, memo: &mut Memo) -> Result<Self, Bad> {
        let mut cursor = Cursor::new(line);
        let mut record = memo.empty();
        let mut role = Role::default();
        let mut schema = false;
        let mut time = None;
        cursor.fields(|c, field| {
            match field {
                Top::Schema => {
                    if c.string()? != REPORT_SCHEMA {
                        return c.bad("another schema than tunectl/report/1");
                    }
                    schema = true;
                }
                Top::Time => time = Some(moment(c)?),
                Top::Host => {
                    host(c, &mut record)?;
                    role = memo.role(record.roles.first().map_or("", |role| role));
                }
                Top::Version => record.version = c.string()?,
                Top::Result => record.failed = c.string()? == "failed",
                Top::Baseline if !c.null()? => baseline(c, &mut record)?,
                Top::Summary => memo.skip(c, role)?,
                Top::Pressure if !c.null()? => record.pressure = pressure(c)?,
                Top::Boot => c.skip()?,
                Top::Drift if !c.null()? => drift(c, &mut record)?,
                Top::Parameters if !c.null()? => parameters(c, &mut record, memo, Walk::new(role))?,
                Top::Others if !c.null()? => c.object(|c, name| {
                    record.others.push((name, c.string()?));
                    bounded(c, record.others.len())
                })?,
                Top::Errors if !c.null()? => c.array(|c| {
                    let error = c.string()?;
                    record.error.get_or_insert(error);
                    Ok(())
                })?,
                Top::Baseline
                | Top::Pressure
                | Top::Drift
                | Top::Parameters
                | Top::Others
                | Top::Errors => {}
            }
            Ok(())
        })?;
        cursor.end()?;
        if !schema {
            return Err(Bad { at: 0, what: "no tunectl report: it names no schema" });
        }
        if record.host.is_empty() || record.host.len() > LONGEST_NAME {
            return Err(Bad {
                at: 0,
                what: "the report names no host, or a name that is too long",
            });
        }
        record.time = time.ok_or(Bad { at: 0, what: "the report has no time" })?;
        Ok(record)
    }
}

fn bounded(c: &Cursor<'_>, parts: usize) -> Result<(), Bad> {
    if parts > MOST { c.bad("more parameters, events or roles than a report has") } else { Ok(()) }
}

fn moment(c: &mut Cursor<'_>) -> Result<u64, Bad> {
    let at = c.start();
    time::micros(&c.string()?)
        .ok_or(Bad { at, what: "a time such as 2026-11-26T12:30:00Z belongs here" })
}

fields!(Host {
    Name = "name",
    Kernel = "kernel",
    BootId = "boot_id",
    MemTotal = "mem_total_kb",
    Nodes = "numa_nodes",
    Virtualization = "virtualization",
    Roles = "roles",
});

fn host<'a>(c: &mut Cursor<'a>, record: &mut Record<'a>) -> Result<(), Bad> {
    c.fields(|c, field| match field {
        Host::Name => {
            record.host = c.string()?;
            Ok(())
        }
        Host::Roles if c.null()? => Ok(()),
        Host::Roles => c.array(|c| {
            record.roles.push(c.string()?);
            bounded(c, record.roles.len())
        }),
        Host::Kernel | Host::BootId | Host::MemTotal | Host::Nodes | Host::Virtualization => {
            c.skip()
        }
    })
}

fields!(Baseline {
    Name = "name",
    Sha256 = "sha256",
    Shared = "shared_sha256",
    Unapplied = "unapplied",
});

fn baseline<'a>(c: &mut Cursor<'a>, record: &mut Record<'a>) -> Result<(), Bad> {
    let (mut called, mut sha256, mut shared) = (Text::default(), Text::default(), None);
    c.fields(|c, field| {
        match field {
            Baseline::Name => called = c.string()?,
            Baseline::Sha256 => sha256 = c.string()?,
            Baseline::Shared => shared = c.optional()?,
            Baseline::Unapplied => record.unapplied = c.truth()?,
        }
        Ok(())
    })?;
    // A host's own layers make it no other baseline.
    record.baseline = Some((called, shared.unwrap_or(sha256)));
    Ok(())
}

fields!(Pressure { Some10 = "memory_some_avg10" });

fn pressure(c: &mut Cursor<'_>) -> Result<Option<f64>, Bad> {
    let mut some = None;
    c.fields(|c, Pressure::Some10| {
        some = c.number()?.parse().ok();
        Ok(())
    })?;
    Ok(some)
}

fields!(Drift { SinceBoot = "since_boot", LastDay = "last_day", Partial = "partial", Events = "events" });

fn drift<'a>(c: &mut Cursor<'a>, record: &mut Record<'a>) -> Result<(), Bad> {
    c.fields(|c, field| {
        match field {
            Drift::LastDay => record.last_day = c.count()?,
            Drift::Events if !c.null()? => c.array(|c| {
                record.events.push(event(c)?);
                bounded(c, record.events.len())
            })?,
            Drift::Events => {}
            Drift::SinceBoot | Drift::Partial => c.skip()?,
        }
        Ok(())
    })
}

fields!(Change {
    Key = "key",
    Action = "action",
    Cause = "cause",
    Writer = "writer",
    Count = "count",
    Last = "last",
});

fn event<'a>(c: &mut Cursor<'a>) -> Result<Event<'a>, Bad> {
    let mut event = Event::default();
    c.fields(|c, field| {
        match field {
            Change::Key => event.key = c.string()?,
            Change::Action => event.action = c.string()?,
            Change::Cause => event.cause = c.string()?,
            Change::Writer if !c.null()? => event.writer = Some(writer(c)?),
            Change::Writer => {}
            Change::Count => event.count = c.count()?,
            Change::Last => event.last = Some(moment(c)?),
        }
        Ok(())
    })?;
    if event.key.is_empty() { c.bad("an event without a key") } else { Ok(event) }
}

fields!(Process { Comm = "comm", Unit = "unit", Container = "container" });

fn writer<'a>(c: &mut Cursor<'a>) -> Result<Writer<'a>, Bad> {
    let mut writer = Writer::default();
    c.fields(|c, field| {
        match field {
            Process::Comm => writer.comm = c.optional()?,
            Process::Unit => writer.unit = c.optional()?,
            Process::Container => writer.container = c.optional()?,
        }
        Ok(())
    })?;
    Ok(writer)
}

fn parameters<'a>(
    c: &mut Cursor<'a>,
    record: &mut Record<'a>,
    memo: &mut Memo,
    mut walk: Walk,
) -> Result<(), Bad> {
    let all = &mut record.parameters;
    let mut sorted = true;
    c.array(|c| {
        let next = memo.read(c, &mut walk)?;
        let key = memo.key(&next);
        if let Some(last) = all.last() {
            sorted = sorted && order(memo.key(last).as_bytes(), key.as_bytes()).is_lt();
            if !sorted && all.iter().any(|item| memo.key(item) == key) {
                return c.bad("a parameter stands twice in the report");
            }
        }
        all.push(next);
        bounded(c, all.len())
    })
}

fields!(Setting {
    Key = "key",
    Desired = "desired",
    Live = "live",
    LiveStatus = "live_status",
    Boot = "boot",
    BootStatus = "boot_status",
    Marks = "marks",
    LetGo = "let_go",
    Writer = "writer",
});

fields!(LetGo { Kind = "kind" });

fields!(AtBoot { Value = "value", Source = "source" });

/// A parameter.
///
/// # Errors
/// It is none.
pub(super) fn parameter<'a>(c: &mut Cursor<'a>) -> Result<Parameter<'a>, Bad> {
    let mut parameter = Parameter::default();
    c.fields(|c, field| {
        match field {
            Setting::Key => parameter.key = c.string()?,
            Setting::Desired => c.skip()?,
            Setting::Live => parameter.live = c.optional()?,
            Setting::LiveStatus => parameter.live_status = c.string()?,
            Setting::Boot if !c.null()? => c.fields(|c, field| {
                match field {
                    AtBoot::Value => c.skip()?,
                    AtBoot::Source => parameter.source = c.optional()?,
                }
                Ok(())
            })?,
            Setting::BootStatus => parameter.boot_status = c.string()?,
            Setting::Marks if !c.null()? => c.array(|c| {
                match &*c.string()? {
                    "waived" => parameter.marks.waived = true,
                    "refused" => parameter.marks.refused = true,
                    "contested" => parameter.marks.contested = true,
                    "from_ram" => parameter.marks.from_ram = true,
                    "boot_unit" => parameter.marks.boot_unit = true,
                    _ => {}
                }
                Ok(())
            })?,
            Setting::LetGo if !c.null()? => {
                parameter.marks.let_go = true;
                c.fields(|c, LetGo::Kind| {
                    let kind = c.string()?;
                    parameter.marks.let_go_at_boot = matches!(&*kind, "released" | "trial");
                    Ok(())
                })?;
            }
            Setting::Writer if !c.null()? => parameter.writer = Some(writer(c)?),
            Setting::Boot | Setting::Marks | Setting::LetGo | Setting::Writer => {}
        }
        Ok(())
    })?;
    if parameter.key.is_empty() { c.bad("a parameter without a key") } else { Ok(parameter) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::fleet::memo::Item;
    use crate::fleet::record::Marks;
    use crate::wire::report::{Report, ReportParameter};
    use proptest::prelude::*;

    const LINE: &str = r#"{"schema":"tunectl/report/1","time":"2026-11-26T12:00:00Z","host":{"name":"a","kernel":"6.1","boot_id":"x","mem_total_kb":1,"numa_nodes":1,"virtualization":"none","roles":["r","s"]},"version":"0.1.0","result":"differs","baseline":{"name":"b","sha256":"0","shared_sha256":"1","unapplied":true},"summary":{"parameters":1,"in_sync":0,"live_differs":1,"boot_differs":1,"pending":0,"contested":1,"waived":0,"blocked":0},"pressure":{"memory_some_avg10":1.5e1},"drift":{"since_boot":2,"last_day":1,"events":[{"key":"vm.a","from":"1","to":"2","action":"contested","cause":"process","writer":{"comm":"tuned","unit":"tuned.service","container":"c"},"count":3,"last":"2026-11-26T11:00:00Z"}]},"parameters":[{"key":"vm.a","desired":"1","live":"2","live_status":"differs","boot":{"value":"3","source":"/f:1"},"boot_status":"overridden","marks":["waived","refused","contested","from_ram","boot_unit","yielded"],"let_go":{"kind":"trial","by":"b"},"writer":{"comm":"tuned"}}],"others":{"vm.b":"4"},"errors":["e"]}"#;

    fn read(line: &str) -> Result<Record<'_>, Bad> {
        Record::read(line, &mut Memo::default())
    }

    /// What serde reads of a line, as a record.
    fn by_serde(report: &Report) -> Record<'_> {
        let text = |t: &'_ str| Text::Owned(t.to_owned());
        let writer = |w: &crate::wire::report::ReportWriter| Writer {
            comm: w.comm.as_deref().map(text),
            unit: w.unit.as_deref().map(text),
            container: w.container.as_deref().map(text),
        };
        let marked = |p: &ReportParameter, mark: &str| p.marks.iter().any(|m| m == mark);
        let drift = report.drift.as_ref();
        Record {
            time: time::micros(&report.time).unwrap(),
            host: text(&report.host.name),
            roles: report.host.roles.iter().map(|r| text(r)).collect(),
            version: text(&report.version),
            baseline: report
                .baseline
                .as_ref()
                .map(|b| (text(&b.name), text(b.shared_sha256.as_ref().unwrap_or(&b.sha256)))),
            unapplied: report.baseline.as_ref().is_some_and(|b| b.unapplied),
            failed: report.result == "failed",
            error: report.errors.first().map(|e| text(e)),
            pressure: report.pressure.map(|p| p.memory_some_avg10),
            last_day: drift.map_or(0, |d| d.last_day),
            events: drift
                .iter()
                .flat_map(|d| &d.events)
                .map(|e| Event {
                    key: text(&e.key),
                    action: text(&e.action),
                    cause: text(&e.cause),
                    writer: e.writer.as_ref().map(writer),
                    count: e.count,
                    last: time::micros(&e.last),
                })
                .collect(),
            parameters: report
                .parameters
                .iter()
                .map(|p| {
                    Item::Read(Box::new(Parameter {
                        key: text(&p.key),
                        live: p.live.as_deref().map(text),
                        live_status: text(&p.live_status),
                        source: p.boot.as_ref().map(|b| text(&b.source)),
                        boot_status: text(&p.boot_status),
                        marks: Marks {
                            waived: marked(p, "waived"),
                            let_go: p.let_go.is_some(),
                            let_go_at_boot: p.let_go.as_ref().is_some_and(|by| by.kind == "trial"),
                            refused: marked(p, "refused"),
                            contested: marked(p, "contested"),
                            from_ram: marked(p, "from_ram"),
                            boot_unit: marked(p, "boot_unit"),
                        },
                        writer: p.writer.as_ref().map(writer),
                    }))
                })
                .collect(),
            others: report.others.iter().map(|(k, v)| (text(k), text(v))).collect(),
        }
    }

    #[test]
    fn reads_what_serde_reads() {
        let report: Report = serde_json::from_str(LINE).unwrap();
        let record = read(LINE).unwrap();
        assert_eq!(record, by_serde(&report));
        assert_eq!((record.parameters.len(), record.events.len(), record.roles.len()), (1, 1, 2));
        // What is left out, what is null, blanks, another order: no difference.
        let pretty = serde_json::to_string_pretty(&report).unwrap();
        assert_eq!(read(&pretty).unwrap(), record);
        let sorted: serde_json::Value = serde_json::from_str(LINE).unwrap();
        assert_eq!(read(&sorted.to_string()).unwrap(), record);
        for absent in ["baseline", "pressure", "drift", "parameters", "others", "errors"] {
            let mut value = sorted.clone();
            value[absent] = serde_json::Value::Null;
            let null = value.to_string();
            value.as_object_mut().unwrap().remove(absent).unwrap();
            let removed = value.to_string();
            assert_eq!(read(&null).unwrap(), read(&removed).unwrap(), "{absent}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        /// Whatever is done to a line: no panic, and what serde takes means the same here.
        #[test]
        fn damaged_lines_are_refused(
            changes in prop::collection::vec((0..LINE.len(), "[\"\\\\{}\\[\\],:0-9a-u é]", 0..3_u8), 0..4)
        ) {
            let mut line: Vec<char> = LINE.chars().collect();
            for (at, text, how) in changes {
                let (at, c) = (at.min(line.len() - 1), text.chars().next().unwrap());
                match how {
                    0 => line[at] = c,
                    1 => line.insert(at, c),
                    _ => drop(line.remove(at)),
                }
            }
            let line: String = line.into_iter().collect();
            if let Ok(record) = read(&line) {
                let json = serde_json::from_str::<serde::de::IgnoredAny>(&line);
                prop_assert!(json.is_ok(), "{}", line);
                if let Ok(report) = serde_json::from_str::<Report>(&line)
                    && report.drift.iter().flat_map(|d| &d.events).all(|e| time::micros(&e.last).is_some())
                {
                    prop_assert_eq!(record, by_serde(&report), "{}", line);
                }
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = read(&text);
        }
    }
}
