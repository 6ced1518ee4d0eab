-- How engines take jobs and file what came of them. `owner` is a token that is used for one claim.
--
-- Keys: unstill:job:<id> unstill:due unstill:claim:<owner> unstill:engines:<lane> unstill:engine:<name>
--   unstill:lanes unstill:arq:<lane> unstill:speed:<lane>
-- claim(lanes, owner, engine, heard, word...): ids and faults of records that were set aside, and, where a job is given: id,
--   job, attempt, the clip to make smaller or ''
--   `lanes`: a line each. The job is of the first of them in which one waits that the engine can do.
--   `heard`: the word of work that told the engine, or ''; nobody else has to hear it. The words say what the engine
--   can do. The same owner gets the same job, as an answer may be lost. None is given where the host has shut engines.
-- beat(id, owner, progress, look): 'ok' | 'cancel' | 'lost'
--   `look`: an early look at the clip, or ''; of a job that nobody wants any more it is not kept.
-- clip(id, owner, keys): 'ok' | 'cancel' | 'lost'
--   Puts the keys of files, a space between two, on record. Nothing may be stored where the answer is not 'ok'.
-- finish(id, owner, result, outcome, seconds, clips): 'ok' | 'lost'
--   `clips`: the keys of the files that the outcome names. What else was stored for the job, by tries that were lost or
--   before it was made smaller, is thrown away. `seconds`: what the render took.
-- release(id, owner): 'ok' | 'ended' | 'lost'
-- park(id, owner, needs): 'ok' | 'ended' | 'lost'
--   Its engine cannot do what it needs: it waits, at no cost, for one that can.
-- retry(id, owner, attempts, outcome): 'again' | 'ended' | 'lost'
--   The try failed; `outcome` is the answer after the last one.
-- begin(id, owner): 'ok' | 'lost'
--   Its engine has its model loaded only now: what went before is no part of its render.
-- engine(name, lanes, info, others, word...): 'ok'
--   `lanes`: a line each, and it serves none but these. `others`: the lane that it serves beside them. Where work waits
--   that it can do and that nobody heard of, engines are told again: a word may have been lost with one that took it.
-- changes_over(name, turn, told...): 'ok'
--   `told`: lanes, each followed by seconds.
--   Of an engine with several models: what it needs before it can begin in each lane, 0 where that model is loaded, and the
--   seconds for which it stays with one while another's work waits.
-- engine_comes(lane...): 'ok'
--   One is about to serve them: requests for them may come.
-- engine_gone(name, lanes, others): 'ok'

function op.claim(lanes, owner, engine, heard, ...)
  lanes = lines(lanes)
  for _, lane in ipairs(lanes) do redis.call('ZREM', 'unstill:arq:' .. lane, heard) end
  local bad = {}
  local before = redis.call('GET', 'unstill:claim:' .. owner)
  if before and not fault(before) and holds(before, owner) == 'running' then
    return { bad, before, get(before, 'job'), get(before, 'attempt'), get(before, 'made') or '' }
  end
  -- engines say every 2 s that they are there, and hear then of what waits
  if engines_are_shut() then return { bad } end
  local can = set_of({ ... })
  local id = nil
  for _, lane in ipairs(lanes) do
    unpark(lane, can, bad)
    id = next_in(lane, can, bad)
    if id then break end
  end
  if not id then return { bad } end
  -- whoever had it before cannot speak for it any more
  if get(id, 'lapsed') then redis.call('DEL', 'unstill:claim:' .. get(id, 'lapsed')) end
  if not get(id, 'started_at') then measure(NOW - (tonumber(get(id, 'queued_at')) or NOW), 'wait_seconds', get(id, 'lane')) end
  run(id, owner, engine)
  redis.call('SET', 'unstill:claim:' .. owner, id, 'PX', TIMES.claim_known)
  -- the word that was heard may have been of another lane
  for _, lane in ipairs(lanes) do ring_where_work_waits(lane) end
  return { bad, id, get(id, 'job'), get(id, 'attempt'), get(id, 'made') or '' }
end

function op.beat(id, owner, progress, look)
  local held = holds(id, owner)
  if not held then return { 'lost' } end
  if held == 'lapsed' then
    step_out(id)
    redis.call('HINCRBY', JOB .. id, 'attempt', -1)
    run(id, owner, get(id, 'engine'))
  end
  set(id, 'lease', num(NOW + TIMES.lease))
  due(id, NOW + TIMES.lease)
  if look and look ~= '' and not get(id, 'cancel') then
    set(id, 'look', look)
    show(id, 'look')
  end
  if progress ~= '' then
    set(id, 'progress', progress)
    show(id, 'progress', progress)
  end
  return { get(id, 'cancel') and 'cancel' or 'ok' }
end

function op.begin(id, owner)
  if holds(id, owner) ~= 'running' then return { 'lost' } end
  set(id, 'started_at', num(NOW))
  mark_running(id, 0)
  return { 'ok' }
end

function op.clip(id, owner, keys)
  if not holds(id, owner) then return { 'lost' } end
  if get(id, 'cancel') then return { 'cancel' } end
  local clips = get(id, 'clips') or ''
  if not holds_word(clips, keys) then set(id, 'clips', clips == '' and keys or clips .. ' ' .. keys) end
  return { 'ok' }
end

function op.finish(id, owner, result, outcome, seconds, clips)
  local held = holds(id, owner)
  if not held then return { get(id, 'finisher') == owner and 'ok' or 'lost' } end
  if held == 'lapsed' then step_out(id) end
  set(id, 'finisher', owner)
  redis.call('HDEL', JOB .. id, 'owner', 'lapsed')
  redis.call('DEL', 'unstill:claim:' .. owner)
  if get(id, 'cancel') then
    answer(id, 'cancelled', get(id, 'cancel'))
    return { 'ok' }
  end
  answer(id, result, outcome)
  if result == 'done' then
    keep_clips(id, clips)
    learn(id, tonumber(seconds))
    measure(1000 * seconds, 'render_seconds', get(id, 'lane'))
  end
  return { 'ok' }
end

function op.release(id, owner)
  if holds(id, owner) ~= 'running' then return { 'lost' } end
  if get(id, 'cancel') then
    answer(id, 'cancelled', get(id, 'cancel'))
    return { 'ended' }
  end
  requeue(id)
  redis.call('HDEL', JOB .. id, 'lapsed')
  redis.call('DEL', 'unstill:claim:' .. owner)
  return { 'ok' }
end

function op.park(id, owner, needs)
  local released = op.release(id, owner)
  if released[1] ~= 'ok' then return released end
  set(id, 'needs', needs)
  park(id)
  return { 'ok' }
end

function op.retry(id, owner, attempts, outcome)
  if holds(id, owner) ~= 'running' then return { 'lost' } end
  local again = lapse(id, tonumber(attempts), outcome, code_of(outcome))
  redis.call('HDEL', JOB .. id, 'lapsed')
  redis.call('DEL', 'unstill:claim:' .. owner)
  return { again and 'again' or 'ended' }
end

function op.engine(name, lanes, info, others, ...)
  lanes = lines(lanes)
  local can, serves = set_of({ ... }), set_of(lanes)
  redis.call('SET', 'unstill:engine:' .. name, info, 'PX', TIMES.engine_told)
  for _, lane in ipairs(redis.call('SMEMBERS', 'unstill:lanes')) do
    if not serves[lane] and redis.call('ZREM', 'unstill:engines:' .. lane, name) == 1 then forget_engine(lane, name) end
  end
  for _, lane in ipairs(lanes) do
    redis.call('ZADD', 'unstill:engines:' .. lane, num(NOW), name)
    redis.call('SADD', 'unstill:lanes', lane)
    for _, old in ipairs(redis.call('ZRANGEBYSCORE', 'unstill:engines:' .. lane, '-inf', num(NOW - TIMES.engine_listed))) do
      redis.call('ZREM', 'unstill:engines:' .. lane, old)
      forget_engine(lane, old)
    end
    ring_where_work_waits(lane, can)
  end
  ring_where_work_waits(others, can)
  return { 'ok' }
end

function op.changes_over(name, turn, ...)
  local told = { ... }
  for i = 1, #told, 2 do
    redis.call('HSET', 'unstill:speed:' .. told[i], of_engine('l', name), told[i + 1], of_engine('t', name), turn)
  end
  return { 'ok' }
end

function op.engine_comes(...)
  redis.call('SADD', 'unstill:lanes', ...)
  return { 'ok' }
end

function op.engine_gone(name, lanes, others)
  redis.call('DEL', 'unstill:engine:' .. name)
  for _, lane in ipairs(lines(lanes)) do
    redis.call('ZREM', 'unstill:engines:' .. lane, name)
    forget_engine(lane, name)
    ring_where_work_waits(lane)
  end
  ring_where_work_waits(others)
  return { 'ok' }
end
