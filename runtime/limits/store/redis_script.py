"""The one script that Redis runs for every exchange about limits: atomic, on Redis' own clock."""

from __future__ import annotations

LIMITS_SCRIPT = """
-- KEYS: counts by bucket, buckets in order, leases of requests in flight, members that have a share, what was
-- last granted to each process, processes by when they were heard of.
-- ARGV[1]: the question as JSON. Answers with the name of these counts, and whole numbers; times are
-- milliseconds. With the name alone: these are other counts than those that the process knows, it should ask
-- again and say what it has sent.
local counts, buckets, leases, members, grants, seen = unpack(KEYS)
local ask = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local bucket = text(math.floor(now / ask.width))

local name = redis.call('HGET', counts, 'name')
if ask.name and ask.name ~= name and not ask.sent then return {name or ''} end
if not name then
  name = ask.process .. ':' .. text(now)
  redis.call('HSET', counts, 'name', name)
end

local function leaves(b) return (b + 1) * ask.width + ask.span end

local function counted(field) return tonumber(redis.call('HGET', counts, field) or 0) end

local function count(b, requests, tokens)
  redis.call('HINCRBY', counts, 'requests:' .. b, requests)
  redis.call('HINCRBY', counts, 'tokens:' .. b, tokens)
  redis.call('HINCRBY', counts, 'requests', requests)
  redis.call('HINCRBY', counts, 'tokens', tokens)
end

local function add(b, requests, tokens)
  redis.call('ZADD', buckets, b, b)
  count(b, requests, tokens)
end

local function give_back(b, requests, tokens)
  if redis.call('HEXISTS', counts, 'requests:' .. b) == 1 then count(b, 0 - requests, 0 - tokens) end
end

while true do
  local oldest = redis.call('ZRANGE', buckets, 0, 0)[1]
  if not oldest or leaves(oldest) > now then break end
  count(oldest, 0 - counted('requests:' .. oldest), 0 - counted('tokens:' .. oldest))
  redis.call('HDEL', counts, 'requests:' .. oldest, 'tokens:' .. oldest)
  redis.call('ZREM', buckets, oldest)
end

local function last_granted(process)
  local last = redis.call('HGET', grants, process)
  return last and cjson.decode(last)
end

-- the share of a process that is not heard of any more is given back; later it is forgotten
for _, process in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now)) do
  local last = last_granted(process)
  if last and not last.gone then
    if last.share then give_back(last.bucket, last.requests, last.tokens) end
    last.gone, last.requests, last.tokens = true, 0, 0
    redis.call('HSET', grants, process, cjson.encode(last))
    redis.call('ZADD', seen, now + ask.span, process)
  else
    redis.call('HDEL', grants, process)
    redis.call('ZREM', seen, process)
  end
end

local last = last_granted(ask.process)
if last and last.number == ask.number then  -- it is asked again, because the answer was lost
  give_back(last.bucket, last.requests, last.tokens)
  for _, lease in ipairs(last.leases) do redis.call('ZREM', leases, lease) end
else
  for _, sent in ipairs(ask.sent or {}) do
    if leaves(sent[1]) > now then add(text(sent[1]), sent[2], sent[3]) end
  end
  for _, back in ipairs(ask.back) do
    give_back(text(back[1]), back[2], back[3])
    if back[4] then redis.call('ZREM', leases, back[4]) end
  end
  if last and last.share and not last.gone then
    give_back(last.bucket, last.requests - ask.used[1], last.tokens - ask.used[2])
  elseif ask.used and ask.used[1] + ask.used[2] > 0 then
    add(bucket, ask.used[1], ask.used[2])
  end
end
redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
for _, lease in ipairs(ask.held) do redis.call('ZADD', leases, now + ask.ttl, lease) end

local function fits(field, limit, amount)
  return not limit or counted(field) + math.min(amount, limit) <= limit
end

local function wait_for(field, limit, amount)
  if fits(field, limit, amount) then return 0 end
  local excess = counted(field) + math.min(amount, limit) - limit
  for _, b in ipairs(redis.call('ZRANGE', buckets, 0, -1)) do
    excess = excess - counted(field .. ':' .. b)
    if excess <= 0 then return leaves(b) - now end
  end
  return ask.width
end

local answer
local grant = {number = ask.number, bucket = bucket, requests = 0, tokens = 0, leases = {}}
if ask.need then
  grant.share = true
  redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
  if ask.need > 0 then
    redis.call('ZADD', members, now + ask.ttl, ask.process)
  else
    redis.call('ZREM', members, ask.process)
  end
  local all = math.max(redis.call('ZCARD', members), 1)
  local function part(field, limit, least)
    if not limit then return 0 end
    local free = math.max(limit - counted(field), 0)
    return math.min(free, math.max(math.ceil(free / all), math.min(least, limit)))
  end
  if ask.need > 0 then
    grant.requests, grant.tokens = part('requests', ask.requests, 1), part('tokens', ask.tokens, ask.need)
    if grant.requests + grant.tokens > 0 then add(bucket, grant.requests, grant.tokens) end
  end
  answer = {name, grant.requests, grant.tokens, tonumber(bucket), all}
else
  local granted, wait = 0, 0
  for _, one in ipairs(ask.asks) do
    if ask.concurrent and redis.call('ZCARD', leases) >= ask.concurrent then
      wait = ask.poll
      break
    end
    wait = math.max(wait_for('requests', ask.requests, 1), wait_for('tokens', ask.tokens, one[1]))
    if wait > 0 then break end
    add(bucket, 1, one[1])
    if ask.concurrent then
      redis.call('ZADD', leases, now + ask.ttl, one[2])
      table.insert(grant.leases, one[2])
    end
    grant.tokens = grant.tokens + one[1]
    granted = granted + 1
  end
  grant.requests = granted
  answer = {name, granted, tonumber(bucket), wait}
end
redis.call('HSET', grants, ask.process, cjson.encode(grant))
redis.call('ZADD', seen, now + ask.ttl, ask.process)
local keep = math.ceil(ask.span * 2 + ask.ttl)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, keep) end
return answer
"""
