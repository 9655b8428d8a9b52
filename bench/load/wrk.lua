-- wrk -s wrk.lua URL -- METHOD BYTES [FILE]: requests with so many bytes of body; with a file, whose lines are
-- "host path", one after the other for each of its lines. Prints one line of JSON in place of text that rounds.
function init(args)
  wrk.method = args[1]
  local bytes = tonumber(args[2])
  if bytes > 0 then
    wrk.body = string.rep('x', bytes)
    wrk.headers['content-type'] = 'application/octet-stream'
  end
  if args[3] == nil then return end
  local requests, at = {}, 0
  for host, path in io.open(args[3]):read('*a'):gmatch('(%S+) (%S+)\n') do
    wrk.headers['Host'] = host
    requests[#requests + 1] = wrk.format(nil, path)
  end
  request = function()
    at = at % #requests + 1
    return requests[at]
  end
end

-- Times arrive in microseconds.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"errors":%d,"p50":%.3f,"p99":%.3f,"max":%.3f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
