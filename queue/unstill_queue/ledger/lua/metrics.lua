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

-- Where a record says since when it is in its state; of an answer, since when there was one.
local SINCE = { accepted = 'accepted_at', queued = 'queued_at', running = 'started_at' }

function op.tally(first, most)
  local ids = redis.call('ZRANGE', DUE, first, first + most - 1)
  local due_first = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2]
  local groups, found = {}, { #ids, num(due_first and NOW - due_first or 0) }
  for _, id in ipairs(ids) do
    -- of a damaged record the reaper tells
    if not fault(id) then
      local state, lane, platform = get(id, 'state'), label(get(id, 'lane') or ''), label(get(id, 'platform'))
      local since = tonumber(get(id, SINCE[state] or 'finished_at')) or NOW
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
