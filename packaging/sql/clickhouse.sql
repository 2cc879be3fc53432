-- What `tunectl fleet` answers, with ClickHouse over the same reports (schema tunectl/report/1, one
-- a line; .gz and .zst by their names). With clickhouse-local, without a server:
--
--   clickhouse local --param_reports='/srv/reports/*.ndjson.gz' \
--       --param_silent_before='2026-11-25T12:00:00Z' --queries-file packaging/sql/clickhouse.sql
--
-- In a server: make `report` a table of these columns, ENGINE = ReplacingMergeTree(time) ORDER BY
-- host.name, and read it FINAL. Of several reports of a host the newest counts; that no clock is
-- ahead is taken for granted here.

SET input_format_skip_unknown_fields = 1, input_format_null_as_default = 1;

-- query: load
CREATE TEMPORARY TABLE report AS
SELECT tupleElement(host, 'name') AS name, * FROM file({reports:String}, JSONEachRow, '
    schema String, time String, host Tuple(name String, roles Array(String)), version String,
    result String, baseline Tuple(name String, sha256 String, shared_sha256 String),
    pressure Tuple(memory_some_avg10 Float64),
    drift Tuple(last_day UInt64, events Array(Tuple(key String, action String, cause String,
        writer Tuple(comm String, unit String, container String), count UInt64, last String))),
    parameters Array(Tuple(key String, live Nullable(String), live_status String,
        boot Tuple(source String), boot_status String, marks Array(String),
        let_go Tuple(kind String))),
    others Map(String, String)')
WHERE schema = 'tunectl/report/1'
ORDER BY time DESC LIMIT 1 BY name;

-- query: hosts
SELECT count() AS total,
       countIf(usable AND NOT is_silent AND NOT is_drifted AND NOT is_lost) AS in_sync,
       countIf(is_drifted) AS drift, countIf(is_lost) AS boot, countIf(is_contested) AS contested,
       countIf(is_pending) AS pending, countIf(is_changed) AS changed,
       countIf(is_silent) AS silent, countIf(is_pressed) AS pressure
FROM (
    SELECT result != 'failed' AND baseline.name != '' AS usable,
           drift.last_day > 0 AS is_changed,
           time < {silent_before:String} AS is_silent,
           pressure.memory_some_avg10 >= 10 AS is_pressed,
           arrayExists(p -> p.live_status NOT IN ('in_sync', 'pending')
                            AND NOT has(p.marks, 'waived') AND p.let_go.kind = '', parameters) AS is_drifted,
           arrayExists(p -> p.boot_status != 'same' AND NOT has(p.marks, 'waived')
                            AND p.let_go.kind NOT IN ('released', 'trial'), parameters) AS is_lost,
           arrayExists(p -> has(p.marks, 'contested'), parameters) AS is_contested,
           arrayExists(p -> p.live_status = 'pending' AND NOT has(p.marks, 'waived')
                            AND p.let_go.kind = '',
                       parameters) AS is_pending
    FROM report
);

-- query: baselines
SELECT baseline.name AS baseline_name,
       if(baseline.shared_sha256 != '', baseline.shared_sha256, baseline.sha256) AS sha256, count() AS hosts
FROM report WHERE baseline.name != '' GROUP BY ALL ORDER BY hosts DESC, baseline_name, sha256;

-- query: drift
SELECT p.key AS key, count() AS hosts FROM report ARRAY JOIN parameters AS p
WHERE p.live_status NOT IN ('in_sync', 'pending') AND NOT has(p.marks, 'waived')
      AND p.let_go.kind = ''
GROUP BY key ORDER BY hosts DESC, key;

-- query: changes
SELECT e.key AS key, uniqExact(name) AS hosts, sum(e.count) AS changes
FROM report ARRAY JOIN drift.events AS e WHERE e.action != 'prevented'
GROUP BY key ORDER BY hosts DESC, key;

-- query: contested
SELECT p.key AS key, e.writer.comm AS comm, uniqExact(name) AS hosts
FROM (SELECT name, drift, p FROM report ARRAY JOIN parameters AS p WHERE has(p.marks, 'contested'))
ARRAY JOIN drift.events AS e WHERE e.key = p.key
GROUP BY key, comm ORDER BY hosts DESC, key, comm;

-- query: boot
SELECT p.key AS key, p.boot_status AS boot_status,
       replaceRegexpOne(p.boot.source, ':[0-9]+$', '') AS source, count() AS hosts
FROM report ARRAY JOIN parameters AS p
WHERE p.boot_status != 'same' AND NOT has(p.marks, 'waived')
      AND p.let_go.kind NOT IN ('released', 'trial')
GROUP BY key, boot_status, source ORDER BY hosts DESC, key, boot_status, source;

-- query: outliers
WITH counted AS (
    SELECT role, key, value, count() AS hosts FROM (
        SELECT arrayStringConcat(host.roles, ', ') AS role, p.key AS key,
               if(has(p.marks, 'from_ram') AND p.live_status = 'in_sync', '(as its memory asks)',
                  assumeNotNull(p.live)) AS value
        FROM report ARRAY JOIN parameters AS p WHERE p.live IS NOT NULL
        UNION ALL
        SELECT arrayStringConcat(host.roles, ', ') AS role, other.1 AS key, other.2 AS value
        FROM report ARRAY JOIN CAST(others, 'Array(Tuple(String, String))') AS other
    ) GROUP BY role, key, value
), usual AS (
    SELECT role, key, argMax(value, hosts) AS usual, max(hosts) AS most, sum(hosts) AS peers
    FROM counted GROUP BY role, key
)
SELECT role, key, value, hosts, usual, peers FROM counted INNER JOIN usual USING (role, key)
WHERE value != usual AND peers >= 5 AND most * 4 >= peers * 3
ORDER BY hosts DESC, key, value, role;

-- query: silent
SELECT name, time FROM report WHERE time < {silent_before:String} ORDER BY time, name;
