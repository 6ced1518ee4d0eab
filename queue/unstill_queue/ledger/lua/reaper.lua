-- What is due, and what the due index lost.
--
-- Keys: unstill:job:<id> unstill:due unstill:unreadable unstill:parked:<lane> unstill:rewrite
-- reap(limit, attempts, engine_lost, expired, intake_failed): how many were due; ids and faults of records that were set
--   aside; and since when somebody wants the server's file written anew, or ''
--   Looks at what is due, and tells engines again of what is queued. The last three are the answers that it may have to
--   file.
-- index(id...): ids that are due now, as they were not in the index; and ids and faults of records that were set aside

local look = {}

-- How often its front end was told says nothing: that may be down, or have many to read before this one.
function look.accepted(id, s)
  if seen(id, 'accepted_seen', 'accepted_at', TIMES.give_up) > TIMES.give_up then return answer(id, 'failed', s.intake_failed) end
  local intakes = redis.call('HINCRBY', JOB .. id, 'intakes', 1)
  tell(id, 'intake')
  due(id, NOW + math.min(TIMES.intake_most, TIMES.intake * intakes))
end

function look.queued(id, s)
  if not get(id, 'wait') then set(id, 'wait', num(math.max(0, get(id, 'wait_until') - NOW))) end
  if seen(id, 'queued_seen', 'queued_at', 0) > tonumber(get(id, 'wait')) then
    step_out(id)
    return answer(id, 'failed', s.expired)
  end
  local wakes = redis.call('HINCRBY', JOB .. id, 'wakes', 1)
  due(id, NOW + math.min(TIMES.wake_most, TIMES.wake * 2 ^ wakes))
  local lane = get(id, 'lane')
  if not redis.call('ZSCORE', 'unstill:parked:' .. lane, id) then ring(lane) end
end

function look.running(id, s)
  local lease = tonumber(get(id, 'lease'))
  if lease > NOW and near(lease) then return due(id, lease) end
  return lapse(id, s.attempts, s.engine_lost, 'lease_over')
end

local function given_up(id) return seen(id, 'finished_seen', 'finished_at', TIMES.give_up) > TIMES.give_up end

local function look_answer(id)
  if given_up(id) then return close(id, 'undeliverable') end
  local redos = redis.call('HINCRBY', JOB .. id, 'redos', 1)
  tell(id, 'answer')
  due(id, NOW + math.min(TIMES.answer_most, TIMES.answer * 2 ^ math.min(redos, 10)))
end
look.done, look.failed, look.cancelled = look_answer, look_answer, look_answer

function look.sending(id)
  if given_up(id) then return close(id, 'undeliverable') end
  set(id, 'state', get(id, 'result'))
  tell(id, 'answer')
  due(id, NOW + TIMES.answer)
end

-- What nobody foresaw in one record stops that one alone. The server's own trouble (no memory, a replica) is not its.
local function by_itself(id, bad, act, s)
  local ok, answer = pcall(act, id, s)
  if ok then return answer end
  local said = type(answer) == 'table' and answer.err or tostring(answer)
  for _, own in ipairs({ 'WRONGTYPE', 'attempt to', 'bad argument', 'is not an integer', 'is not a float' }) do
    if string.find(said, own, 1, true) then return set_aside(id, said, bad) end
  end
  error(answer, 0)
end

function op.reap(limit, attempts, engine_lost, expired, intake_failed)
  local s = { attempts = tonumber(attempts), engine_lost = engine_lost, expired = expired, intake_failed = intake_failed }
  local bad = {}
  watch()
  local ids = redis.call('ZRANGEBYSCORE', DUE, '-inf', num(NOW), 'LIMIT', 0, limit)
  for _, id in ipairs(ids) do
    local wrong = fault(id)
    local state = not wrong and get(id, 'state')
    if wrong then
      set_aside(id, wrong, bad)
    elseif not look[state] then
      redis.call('ZREM', DUE, id)
    else
      by_itself(id, bad, look[state], s)
    end
  end
  return { #ids, bad, redis.call('GET', 'unstill:rewrite') or '' }
end

function op.index(...)
  local lost, bad = {}, {}
  for _, id in ipairs({ ... }) do
    local wrong = fault(id)
    local known = wrong == GONE or redis.call('ZSCORE', UNREADABLE, id)
    if wrong and not known then
      set_aside(id, wrong, bad)
    elseif not known and not FINAL[get(id, 'state')] and not near(redis.call('ZSCORE', DUE, id)) then
      due(id, NOW)
      lost[#lost + 1] = id
    end
  end
  return { lost, bad }
end
