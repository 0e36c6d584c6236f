-- Posts tickets nobody posted before: WRK_PREFIX and WRK_BATCH come from the environment.
local prefix, batch = os.getenv("WRK_PREFIX"), tonumber(os.getenv("WRK_BATCH") or "1")
local workflow, key = os.getenv("WRK_WORKFLOW"), os.getenv("WRK_KEY")
local count = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
if key then wrk.headers["Authorization"] = "Bearer " .. key end

local function ticket()
  count = count + 1
  return '{"ticket_id":"' .. prefix .. count .. '","customer_id":"c' .. count % 5000 ..
    '","opened_at":"2026-09-01T12:00:00Z","workflow":"' .. workflow ..
    '","category":"billing","urgency":"normal","complexity":"simple"}'
end

function request()
  if batch == 1 then return wrk.format(nil, nil, nil, ticket()) end
  local tickets = {}
  for i = 1, batch do tickets[i] = ticket() end
  return wrk.format(nil, nil, nil, "[" .. table.concat(tickets, ",") .. "]")
end

function done(summary, latency, requests)
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "errors": %d, "refused": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    summary.errors.status))
end
