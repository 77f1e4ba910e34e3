SELECT t.source AS source, t.id AS id, t.time AS time, t.received AS received, t.kind AS kind, t.category AS category, t.status AS status, t.reason AS reason, t.provider AS provider, t.model AS model, t.service_tier AS service_tier, t.region AS region, t.operation AS operation, t.reported_provider AS reported_provider, t.reported_model AS reported_model, t.business_unit AS business_unit, t.department AS department, t.team AS team, t.project AS project, t.app AS app, t.env AS env, t.key AS key, t.user AS user, t.use_case AS use_case, t.tags AS tags, t.input_tokens AS input_tokens, t.cached_input_tokens AS cached_input_tokens, t.cache_write_tokens AS cache_write_tokens, t.cache_write_5m_tokens AS cache_write_5m_tokens, t.cache_write_1h_tokens AS cache_write_1h_tokens, t.output_tokens AS output_tokens, t.reasoning_tokens AS reasoning_tokens, t.calls AS calls, t.quantities AS quantities, t.latency_ms AS latency_ms, t.ttft_ms AS ttft_ms, t.outcome AS outcome, t.estimated AS estimated, t.request_id AS request_id, t.trace_id AS trace_id, t.amount AS amount, t.provider_cost AS provider_cost, t.price_id AS price_id, t.rule_id AS rule_id, t.catalog_version AS catalog_version
FROM ledger AS t
WHERE t.org = {org:String} AND t.time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND t.time < fromUnixTimestamp64Milli({end:Int64}, 'UTC') AND t.time <= fromUnixTimestamp64Milli({time:Int64}, 'UTC') AND (t.time, t.id, t.source) < (fromUnixTimestamp64Milli({time:Int64}, 'UTC'), {id:String}, {source:String})
ORDER BY t.time DESC, t.id DESC, t.source DESC
LIMIT 51
-- org = "acme"
-- start = 1794873600000
-- end = 1795478400000
-- time = 1795168800000
-- id = "call-7"
-- source = "api"
