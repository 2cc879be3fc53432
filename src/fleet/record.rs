//! One host's report, `tunectl/report/1`, as it stands in a line: only what a fleet is asked about,
//! and without a copy of it.

use std::borrow::Cow;

use crate::wire::report::REPORT_SCHEMA;

use super::json::{Bad, Cursor};
use super::memo::{Item, Memo, Walk};
use super::time;

/// So many parameters, further ones or events a report may have.
const MOST: usize = 4096;
/// As long as a host's name may be; DNS allows 253 bytes.
const LONGEST_NAME: usize = 255;

/// A text of the line.
pub type Text<'a> = Cow<'a, str>;

/// A host's report.
#[derive(Debug, Default, PartialEq)]
pub struct Record<'a> {
    /// When the host was looked at, in microseconds since 1970.
    pub time: u64,
    /// The host's name.
    pub host: Text<'a>,
    /// Its roles as they are written, an array; hosts with the same are peers.
    pub roles: Vec<Text<'a>>,
    /// The tunectl that wrote the report.
    pub version: Text<'a>,
    /// The baseline's name and hash.
    pub baseline: Option<(Text<'a>, Text<'a>)>,
    /// Whether the host has a baseline that cannot be used.
    pub failed: bool,
    /// Share of the last 10 s in which some task waited for memory, in percent.
    pub pressure: Option<f64>,
    /// Changes of the last 24 hours.
    pub last_day: u64,
    /// What has changed.
    pub events: Vec<Event<'a>>,
    /// The parameters of the baseline.
    pub parameters: Vec<Item<'a>>,
    /// Further parameters and what they read.
    pub others: Vec<(Text<'a>, Text<'a>)>,
}

/// A change, or several alike.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The key, in dots.
    pub key: Text<'a>,
    /// What became of it.
    pub action: Text<'a>,
    /// What is behind it, where no process is known.
    pub cause: Text<'a>,
    /// Who did it.
    pub writer: Option<Writer<'a>>,
    /// How often.
    pub count: u64,
    /// When the newest was, in microseconds since 1970.
    pub last: Option<u64>,
}

/// Who changed a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The process's name.
    pub comm: Option<Text<'a>>,
    /// Its systemd unit.
    pub unit: Option<Text<'a>>,
    /// Its container.
    pub container: Option<Text<'a>>,
}

/// A parameter of the baseline.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The key, in dots.
    pub key: Text<'a>,
    /// What it reads.
    pub live: Option<Text<'a>>,
    /// The live status, as in `tunectl/plan/1`, or one that is newer.
    pub live_status: Text<'a>,
    /// The line that sets it at boot.
    pub source: Option<Text<'a>>,
    /// The boot status.
    pub boot_status: Text<'a>,
    /// Marks on top.
    pub marks: Marks,
    /// Who changed it last.
    pub writer: Option<Writer<'a>>,
}

/// The marks that are asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "marks stand beside each other")]
pub struct Marks {
    /// Covered by a waiver.
    pub waived: bool,
    /// Refused by a guard.
    pub refused: bool,
    /// Fought over.
    pub contested: bool,
    /// The desired value was made from the host's memory.
    pub from_ram: bool,
    /// tunectl-boot sets it whatever the files say.
    pub boot_unit: bool,
}

impl<'a> Record<'a> {
    /// Reads a line; what is known of parameters is in `memo`.
    ///
    /// # Errors
    /// It is no JSON, no report, or one of another version.
    pub fn read(line: &'a str, memo: &mut Memo) -> Result<Self, Bad> {
        let mut cursor = Cursor::new(line);
        let mut record = Self::default();
        let mut schema = false;
        let mut time = None;
        cursor.object(|c, name| {
            match name {
                "schema" => {
                    if c.string()? != REPORT_SCHEMA {
                        return c.bad("another schema than tunectl/report/1");
                    }
                    schema = true;
                }
                "time" => time = Some(moment(c)?),
                "host" => c.object(|c, name| {
                    match name {
                        "name" => record.host = c.string()?,
                        "roles" if !c.null()? => {
                            c.array(|c| {
                                record.roles.push(c.string()?);
                                Ok(())
                            })?;
                        }
                        "roles" => {}
                        _ => c.skip()?,
                    }
                    Ok(())
                })?,
                "summary" => memo.skip(c)?,
                "version" => record.version = c.string()?,
                "result" => record.failed = c.string()? == "failed",
                "baseline" if !c.null()? => record.baseline = Some(baseline(c)?),
                "pressure" if !c.null()? => record.pressure = pressure(c)?,
                "drift" if !c.null()? => drift(c, &mut record)?,
                "parameters" if !c.null()? => parameters(c, &mut record, memo)?,
                "others" if !c.null()? => c.object(|c, name| {
                    // Field names are few; a copy of each is cheap.
                    let key = name.to_owned();
                    record.others.push((key.into(), c.string()?));
                    Ok(())
                })?,
                "baseline" | "pressure" | "drift" | "parameters" | "others" => {}
                _ => c.skip()?,
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
        if record.others.len().max(record.events.len()) > MOST {
            return Err(Bad { at: 0, what: "more events or parameters than a report has" });
        }
        record.time = time.ok_or(Bad { at: 0, what: "the report has no time" })?;
        Ok(record)
    }
}

fn moment(c: &mut Cursor<'_>) -> Result<u64, Bad> {
    let at = c.start();
    time::micros(&c.string()?)
        .ok_or(Bad { at, what: "a time such as 2026-11-26T12:30:00Z belongs here" })
}

fn baseline<'a>(c: &mut Cursor<'a>) -> Result<(Text<'a>, Text<'a>), Bad> {
    let (mut called, mut sha256) = (Text::default(), Text::default());
    c.object(|c, name| {
        match name {
            "name" => called = c.string()?,
            "sha256" => sha256 = c.string()?,
            _ => c.skip()?,
        }
        Ok(())
    })?;
    Ok((called, sha256))
}

fn pressure(c: &mut Cursor<'_>) -> Result<Option<f64>, Bad> {
    let mut some = None;
    c.object(|c, name| {
        match name {
            "memory_some_avg10" => some = c.number()?.parse().ok(),
            _ => c.skip()?,
        }
        Ok(())
    })?;
    Ok(some)
}

fn drift<'a>(c: &mut Cursor<'a>, record: &mut Record<'a>) -> Result<(), Bad> {
    c.object(|c, name| {
        match name {
            "last_day" => record.last_day = c.count()?,
            "events" if !c.null()? => c.array(|c| {
                record.events.push(event(c)?);
                Ok(())
            })?,
            "events" => {}
            _ => c.skip()?,
        }
        Ok(())
    })
}

fn event<'a>(c: &mut Cursor<'a>) -> Result<Event<'a>, Bad> {
    let mut event = Event::default();
    c.object(|c, name| {
        match name {
            "key" => event.key = c.string()?,
            "action" => event.action = c.string()?,
            "cause" => event.cause = c.string()?,
            "writer" if !c.null()? => event.writer = Some(writer(c)?),
            "writer" => {}
            "count" => event.count = c.count()?,
            "last" => event.last = Some(moment(c)?),
            _ => c.skip()?,
        }
        Ok(())
    })?;
    if event.key.is_empty() { c.bad("an event without a key") } else { Ok(event) }
}

fn writer<'a>(c: &mut Cursor<'a>) -> Result<Writer<'a>, Bad> {
    let mut writer = Writer::default();
    c.object(|c, name| {
        match name {
            "comm" => writer.comm = c.optional()?,
            "unit" => writer.unit = c.optional()?,
            "container" => writer.container = c.optional()?,
            _ => c.skip()?,
        }
        Ok(())
    })?;
    Ok(writer)
}

fn parameters<'a>(c: &mut Cursor<'a>, record: &mut Record<'a>, memo: &mut Memo) -> Result<(), Bad> {
    let role = record.roles.first().cloned().unwrap_or_default();
    let all = &mut record.parameters;
    let (mut walk, mut sorted) = (Walk::default(), true);
    all.reserve(16);
    c.array(|c| {
        if all.len() == MOST {
            return c.bad("more parameters than a report has");
        }
        let next = memo.read(c, &mut walk, &role)?;
        let key = memo.key(&next);
        if let Some(last) = all.last() {
            sorted = sorted && memo.key(last) < key;
            if !sorted && all.iter().any(|item| memo.key(item) == key) {
                return c.bad("a parameter stands twice in the report");
            }
        }
        all.push(next);
        Ok(())
    })
}

/// A parameter.
///
/// # Errors
/// It is none.
pub(super) fn parameter<'a>(c: &mut Cursor<'a>) -> Result<Parameter<'a>, Bad> {
    let mut parameter = Parameter::default();
    c.object(|c, name| {
        match name {
            "key" => parameter.key = c.string()?,
            "live" => parameter.live = c.optional()?,
            "live_status" => parameter.live_status = c.string()?,
            "boot" if !c.null()? => c.object(|c, name| {
                match name {
                    "source" => parameter.source = c.optional()?,
                    _ => c.skip()?,
                }
                Ok(())
            })?,
            "boot_status" => parameter.boot_status = c.string()?,
            "marks" if !c.null()? => c.array(|c| {
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
            "writer" if !c.null()? => parameter.writer = Some(writer(c)?),
            "boot" | "marks" | "writer" => {}
            _ => c.skip()?,
        }
        Ok(())
    })?;
    if parameter.key.is_empty() { c.bad("a parameter without a key") } else { Ok(parameter) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::wire::report::{Report, ReportParameter};
    use proptest::prelude::*;

    const LINE: &str = r#"{"schema":"tunectl/report/1","time":"2026-11-26T12:00:00Z","host":{"name":"a","kernel":"6.1","boot_id":"x","mem_total_kb":1,"numa_nodes":1,"virtualization":"none","roles":["r","s"]},"version":"0.1.0","result":"differs","baseline":{"name":"b","sha256":"0"},"summary":{"parameters":1,"in_sync":0,"live_differs":1,"boot_differs":1,"pending":0,"contested":1,"waived":0,"blocked":0},"pressure":{"memory_some_avg10":1.5e1},"drift":{"since_boot":2,"last_day":1,"events":[{"key":"vm.a","from":"1","to":"2","action":"contested","cause":"process","writer":{"comm":"tuned","unit":"tuned.service","container":"c"},"count":3,"last":"2026-11-26T11:00:00Z"}]},"parameters":[{"key":"vm.a","desired":"1","live":"2","live_status":"differs","boot":{"value":"3","source":"/f:1"},"boot_status":"overridden","marks":["waived","refused","contested","from_ram","boot_unit","yielded"],"writer":{"comm":"tuned"}}],"others":{"vm.b":"4"},"errors":["e"]}"#;

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
            baseline: report.baseline.as_ref().map(|b| (text(&b.name), text(&b.sha256))),
            failed: report.result == "failed",
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
        for absent in ["baseline", "pressure", "drift", "parameters", "others"] {
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
