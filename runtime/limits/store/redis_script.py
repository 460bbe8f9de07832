"""The one script that Redis runs for every exchange about limits: atomic, on Redis' own clock."""

from __future__ import annotations

LIMITS_SCRIPT = """
-- KEYS: counts by bucket, buckets in order, leases of requests in flight, members
-- ARGV[1]: the question as JSON. Answers with whole numbers; times are milliseconds.
local counts, order, leases, members = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ask = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = string.format('%.0f', math.floor(now / ask.width))

local function leaves(b) return (b + 1) * ask.width + ask.span end

local function count(b, requests, tokens)
  redis.call('HINCRBY', counts, 'requests:' .. b, requests)
  redis.call('HINCRBY', counts, 'tokens:' .. b, tokens)
  redis.call('HINCRBY', counts, 'requests', requests)
  redis.call('HINCRBY', counts, 'tokens', tokens)
end

local function counted(name) return tonumber(redis.call('HGET', counts, name) or 0) end

local function add(requests, tokens)
  if redis.call('HEXISTS', counts, 'requests:' .. bucket) == 0 then
    redis.call('RPUSH', order, bucket)
  end
  count(bucket, requests, tokens)
end

while true do
  local oldest = redis.call('LINDEX', order, 0)
  if not oldest or leaves(oldest) > now then break end
  count(oldest, 0 - counted('requests:' .. oldest), 0 - counted('tokens:' .. oldest))
  redis.call('HDEL', counts, 'requests:' .. oldest, 'tokens:' .. oldest)
  redis.call('LPOP', order)
end

for _, back in ipairs(ask.back) do
  local b = string.format('%.0f', back[1])
  if redis.call('HEXISTS', counts, 'requests:' .. b) == 1 then count(b, 0 - back[2], 0 - back[3]) end
  if back[4] then redis.call('ZREM', leases, back[4]) end
end
redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
for _, lease in ipairs(ask.held) do redis.call('ZADD', leases, now + ask.ttl, lease) end

local function fits(name, limit, amount)
  return not limit or counted(name) + math.min(amount, limit) <= limit
end

local function wait_for(name, limit, amount)
  if fits(name, limit, amount) then return 0 end
  local excess = counted(name) + math.min(amount, limit) - limit
  for _, b in ipairs(redis.call('LRANGE', order, 0, -1)) do
    excess = excess - counted(name .. ':' .. b)
    if excess <= 0 then return leaves(b) - now end
  end
  return ask.width
end

local answer
if ask.member then
  redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
  if ask.need > 0 then
    redis.call('ZADD', members, now + ask.ttl, ask.member)
  else
    redis.call('ZREM', members, ask.member)
  end
  local all = math.max(redis.call('ZCARD', members), 1)
  local function part(name, limit, least)
    if not limit then return 0 end
    local free = math.max(limit - counted(name), 0)
    return math.min(free, math.max(math.ceil(free / all), math.min(least, limit)))
  end
  local requests, tokens = 0, 0
  if ask.need > 0 then
    requests, tokens = part('requests', ask.requests, 1), part('tokens', ask.tokens, ask.need)
    if requests + tokens > 0 then add(requests, tokens) end
  end
  answer = {requests, tokens, tonumber(bucket), all}
else
  local granted, wait = 0, 0
  for _, one in ipairs(ask.asks) do
    if ask.concurrent and redis.call('ZCARD', leases) >= ask.concurrent then
      wait = ask.poll
      break
    end
    wait = math.max(wait_for('requests', ask.requests, 1), wait_for('tokens', ask.tokens, one[1]))
    if wait > 0 then break end
    add(1, one[1])
    if ask.concurrent then redis.call('ZADD', leases, now + ask.ttl, one[2]) end
    granted = granted + 1
  end
  answer = {granted, tonumber(bucket), wait}
end
local keep = math.ceil(ask.span * 2 + ask.ttl)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, keep) end
return answer
"""
