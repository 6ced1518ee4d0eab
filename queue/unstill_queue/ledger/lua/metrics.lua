-- Counters and histograms of what was changed. They are counted with the change itself, so no restart or kill loses one.
-- What tells one count from another is a platform, a lane, a state, a code or a reason: nobody's id is part of a field.
--
-- Keys: unstill:job:<id> unstill:due unstill:metrics
-- tally(first, most): how many ids stood there, how long ago the first of the due index was due, in ms, and of each state,
--   lane and platform: state, lane, platform, jobs, and since when the oldest of them is in it
--   Counts what stands in the due index from `first` on, at most so many.

local METRICS = 'unstill:metrics'

-- What is no short word is no label: it came from a damaged record.
local function label(word)
  return word and #word <= 40 and string.find(word, '^[%w_.~-]*$') and word or 'other'
end

-- By pcall: a key that was damaged, or a server without memory, stops no transition.
local function add_to(field, amount) redis.pcall('HINCRBY', METRICS, field, num(amount)) end

local function field_of(...)
  local words = { ... }
  for i = 2, #words do words[i] = label(words[i]) end
  return table.concat(words, '|')
end

local function count(name, ...) add_to(field_of(name, ...), 1) end

-- A field for each bucket that something fell into, by its number, and one for the sum in milliseconds.
local function measure(ms, ...)
  local field, bucket = field_of(...), 1
  -- a clock that jumped meanwhile measured nothing
  ms = math.floor(math.max(0, math.min(ms, DAY)))
  while BUCKETS[bucket] and ms > BUCKETS[bucket] do bucket = bucket + 1 end
  add_to(field .. '|' .. bucket, 1)
  add_to(field .. '|sum', ms)
end

-- The code of an encoded failure; '' of any other outcome.
local function code_of(outcome)
  local ok, value = pcall(cmsgpack.unpack, string.sub(outcome or '', 2))
  return ok and type(value) == 'table' and type(value.code) == 'string' and value.code or ''
end

function op.tally(first, most)
  local ids = redis.call('ZRANGE', DUE, first, first + most - 1)
  local due_first = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2]
  local groups, found = {}, { #ids, num(due_first and NOW - due_first or 0) }
  for _, id in ipairs(ids) do
    -- one command a job: of a record that cannot be read the reaper tells
    local r = redis.pcall('HMGET', JOB .. id, 'state', 'lane', 'platform', 'accepted_at', 'queued_at', 'started_at', 'finished_at')
    local state = not r.err and r[1]
    if state then
      -- since when it is in its state; of an answer, since when there is one
      local since = tonumber(({ accepted = r[4], queued = r[5], running = r[6] })[state] or r[7]) or NOW
      local lane, platform = label(r[2] or ''), label(r[3])
      local key = state .. '|' .. lane .. '|' .. platform
      local group = groups[key] or { state, lane, platform, 0, since }
      group[4], group[5] = group[4] + 1, math.min(group[5], since)
      groups[key] = group
    end
  end
  for _, g in pairs(groups) do
    for _, value in ipairs({ g[1], g[2], g[3], num(g[4]), num(g[5]) }) do found[#found + 1] = value end
  end
  return found
end
