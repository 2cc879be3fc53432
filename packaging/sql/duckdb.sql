-- What `tunectl fleet` answers, with DuckDB over the same reports (schema tunectl/report/1, one a
-- line, plain, .gz or .zst). Each query stands behind a line `-- query: NAME`; set the two variables
-- first:
--
--   duckdb -cmd "SET VARIABLE reports = '/srv/reports/*.ndjson.gz'" \
--          -cmd "SET VARIABLE silent_before = '2026-11-25T12:00:00Z'" -f packaging/sql/duckdb.sql
--
-- Of several reports of a host the newest counts; that no clock is ahead is taken for granted here.

-- query: load
CREATE OR REPLACE TEMP TABLE report AS
SELECT * EXCLUDE (host), host.name AS host, host.roles AS roles
FROM read_json(getvariable('reports'), format = 'newline_delimited', columns = {
    schema: 'VARCHAR',
    time: 'VARCHAR',
    host: 'STRUCT(name VARCHAR, roles VARCHAR[])',
    version: 'VARCHAR',
    result: 'VARCHAR',
    baseline: 'STRUCT(name VARCHAR, sha256 VARCHAR, shared_sha256 VARCHAR)',
    pressure: 'STRUCT(memory_some_avg10 DOUBLE)',
    drift: 'STRUCT(last_day BIGINT, events STRUCT("key" VARCHAR, "action" VARCHAR, cause VARCHAR, writer STRUCT(comm VARCHAR, unit VARCHAR, container VARCHAR), count BIGINT, last VARCHAR)[])',
    parameters: 'STRUCT("key" VARCHAR, live VARCHAR, live_status VARCHAR, boot STRUCT(source VARCHAR), boot_status VARCHAR, marks VARCHAR[], let_go STRUCT(kind VARCHAR))[]',
    others: 'MAP(VARCHAR, VARCHAR)'
})
WHERE schema = 'tunectl/report/1'
QUALIFY row_number() OVER (PARTITION BY host.name ORDER BY time DESC) = 1;

CREATE OR REPLACE TEMP VIEW parameter AS
SELECT host, roles, drift, p.key AS key, p.live AS live, p.live_status AS live_status,
       p.boot_status AS boot_status, coalesce(p.marks, []) AS marks,
       regexp_replace(p.boot.source, ':[0-9]+$', '') AS source,
       list_contains(coalesce(p.marks, []), 'waived') OR p.let_go IS NOT NULL AS spared,
       list_contains(coalesce(p.marks, []), 'waived')
           OR coalesce(p.let_go.kind IN ('released', 'trial'), false) AS spared_at_boot,
       p.live_status NOT IN ('in_sync', 'pending') AND NOT spared AS drifted
FROM (SELECT host, roles, drift, unnest(parameters) AS p FROM report);

-- query: hosts
WITH flags AS (
    SELECT host, bool_or(drifted) AS drift, bool_or(list_contains(marks, 'contested')) AS contested,
           bool_or(live_status = 'pending' AND NOT spared) AS pending,
           bool_or(boot_status <> 'same' AND NOT spared_at_boot) AS boot
    FROM parameter GROUP BY host
)
SELECT count(*) AS total,
       count(*) FILTER (result <> 'failed' AND baseline IS NOT NULL
                        AND time >= getvariable('silent_before')
                        AND NOT coalesce(flags.drift, false) AND NOT coalesce(boot, false)) AS in_sync,
       count(*) FILTER (flags.drift) AS drift,
       count(*) FILTER (boot) AS boot,
       count(*) FILTER (contested) AS contested,
       count(*) FILTER (pending) AS pending,
       count(*) FILTER (report.drift.last_day > 0) AS changed,
       count(*) FILTER (time < getvariable('silent_before')) AS silent,
       count(*) FILTER (pressure.memory_some_avg10 >= 10) AS pressure
FROM report LEFT JOIN flags USING (host);

-- query: baselines
SELECT baseline.name AS name, coalesce(baseline.shared_sha256, baseline.sha256) AS sha256, count(*) AS hosts
FROM report WHERE baseline IS NOT NULL GROUP BY ALL ORDER BY hosts DESC, name, sha256;

-- query: drift
SELECT key, count(*) AS hosts FROM parameter WHERE drifted
GROUP BY key ORDER BY hosts DESC, key;

-- query: changes
SELECT e.key AS key, count(DISTINCT host) AS hosts, sum(e.count)::BIGINT AS changes
FROM (SELECT host, unnest(drift.events) AS e FROM report) WHERE e.action <> 'prevented'
GROUP BY e.key ORDER BY hosts DESC, key;

-- query: contested
SELECT key, e.writer.comm AS comm, count(DISTINCT host) AS hosts
FROM (SELECT host, key, unnest(drift.events) AS e FROM parameter
      WHERE list_contains(marks, 'contested'))
WHERE e.key = key GROUP BY ALL ORDER BY hosts DESC, key, comm;

-- query: boot
SELECT key, boot_status, source, count(*) AS hosts FROM parameter
WHERE boot_status <> 'same' AND NOT spared_at_boot
GROUP BY ALL ORDER BY hosts DESC, key, boot_status, source;

-- query: outliers
WITH read AS (
    SELECT host, array_to_string(roles, ', ') AS role, key,
           CASE WHEN list_contains(marks, 'from_ram') AND live_status = 'in_sync'
                THEN '(as its memory asks)' ELSE live END AS value
    FROM parameter WHERE live IS NOT NULL
    UNION ALL
    SELECT host, array_to_string(roles, ', '), e.key, e.value
    FROM (SELECT host, roles, unnest(map_entries(others)) AS e FROM report)
), counted AS (
    SELECT role, key, value, count(*) AS hosts,
           sum(count(*)) OVER peers AS peers, max(count(*)) OVER peers AS most,
           first_value(value) OVER (PARTITION BY role, key ORDER BY count(*) DESC) AS usual
    FROM read GROUP BY role, key, value WINDOW peers AS (PARTITION BY role, key)
)
SELECT role, key, value, hosts, usual, peers::BIGINT AS peers FROM counted
WHERE value <> usual AND peers >= 5 AND most * 4 >= peers * 3
ORDER BY hosts DESC, key, value, role;

-- query: silent
SELECT host, time FROM report WHERE time < getvariable('silent_before') ORDER BY time, host;
