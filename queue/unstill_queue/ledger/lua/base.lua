-- The clock, a record's fields, what front ends are told, and whether a record can be acted on.
-- Time is Redis' own TIME, so the clocks of bots and engines do not matter. Keys are made from ids, which a Redis
-- Cluster would not allow: one Redis holds the ledger.
--
-- Keys: unstill:job:<id> unstill:due unstill:watched unstill:unreadable unstill:outbox:<platform>
--   unstill:progress:<platform>

local JOB, DUE = 'unstill:job:', 'unstill:due'
local FINAL = { sent = true, undeliverable = true }
local ANSWER = { done = true, failed = true, cancelled = true }
local DAY, MINUTE = 86400000, 60000
local UNREADABLE, UNREADABLE_MOST = 'unstill:unreadable', 1000
local GONE = 'its record is gone'

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local NOW = now()

local function num(x) return string.format('%.17g', x) end
local function get(id, field) return redis.call('HGET', JOB .. id, field) or nil end
local function set(id, ...) redis.call('HSET', JOB .. id, ...) end
local function due(id, at) redis.call('ZADD', DUE, num(at), id) end

local function set_of(words)
  local found = {}
  for _, word in ipairs(words) do found[word] = true end
  return found
end

local function lines(text)
  local found = {}
  for line in string.gmatch(text, '[^\n]+') do found[#found + 1] = line end
  return found
end

-- An account is a person, or all who write in the name of a channel or group in one chat. A record that was
-- accepted by an older version has none.
local function account_of(id) return get(id, 'account') or get(id, 'person') end

local function tell(id, kind)
  redis.call('XADD', 'unstill:outbox:' .. get(id, 'platform'), 'MAXLEN', '~', 100000, '*', 'id', id, 'kind', kind,
    'place', get(id, 'place') or '', 'account', account_of(id) or '')
end

local function show(id, kind, body)
  redis.call('XADD', 'unstill:progress:' .. get(id, 'platform'), 'MAXLEN', '~', 10000, '*', 'id', id, 'kind', kind,
    'place', get(id, 'place'), 'body', body or '')
end

-- Waits of a day count the time that somebody was there to see pass, in small ticks. The server's clock may jump, and
-- nobody may be there for a night: neither is a wait.
local function watched() return tonumber(redis.call('HGET', 'unstill:watched', 'ms') or '0') end

-- Nothing is put off by a day: such a time was written before the clock was set back, and nobody saw that.
local function near(at) return at and tonumber(at) < NOW + DAY end

-- A record of an older version has only the clock's time.
local function seen(id, field, at, most)
  if not get(id, field) then
    set(id, field, num(watched() - math.max(0, math.min(most, NOW - tonumber(get(id, at))))))
  end
  return watched() - tonumber(get(id, field))
end

-- A record is looked at before anything is changed: one that was damaged must stop nobody but itself.

local NUMBERS = {
  accepted = {},
  queued = { 'cost', 'attempt', 'day', 'wait_until' },
  running = { 'cost', 'attempt', 'day', 'lease', 'started_at' },
  done = { 'finished_at' }, failed = { 'finished_at' }, cancelled = { 'finished_at' }, sending = { 'finished_at' },
}
local TEXTS = {
  accepted = { 'request' },
  queued = { 'lane', 'job' },
  running = { 'lane', 'job', 'owner' },
  done = { 'result', 'outcome' }, failed = { 'result', 'outcome' }, cancelled = { 'result', 'outcome' },
  sending = { 'result', 'outcome' },
}

local function finite(text)
  local n = tonumber(text)
  return n and n == n and math.abs(n) < math.huge
end

-- What is wrong with a record, in words for the operator; nil where its state can be acted on.
local function fault(id)
  local kind = redis.call('TYPE', JOB .. id).ok
  if kind == 'none' then return GONE end
  if kind ~= 'hash' then return 'a ' .. kind .. ' stands in its place' end
  local state = get(id, 'state')
  if FINAL[state] then return nil end
  if not NUMBERS[state] then return 'its state is ' .. (state or 'missing') end
  if not account_of(id) then return 'its person is missing' end
  for _, field in ipairs({ 'platform', 'place', unpack(TEXTS[state]) }) do
    if not get(id, field) then return 'its ' .. field .. ' is missing' end
  end
  for _, field in ipairs({ 'accepted_at', unpack(NUMBERS[state]) }) do
    local value = get(id, field)
    if not finite(value) then return 'its ' .. field .. ' is ' .. (value or 'missing') end
  end
end

-- set in unreadable.lua, as what comes before it needs it
local set_aside

-- What a caller may ask for, by name.
local op = {}
