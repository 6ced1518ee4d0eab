-- Where a job stands. Jobs ahead in the same place are counted account by account, other places by their mean cost, so
-- the answer is exact for jobs of one cost, but where somebody waits in several chats with others, and takes time in
-- accounts and chats, not in jobs.
--
-- Keys: unstill:job:<id> unstill:parked:<lane>
-- position(id): 'none' | state, position, lane, engines alive, seconds until its clip is there or '' where nobody can tell,
--   and 'parked' if it waits for an engine that can make it, or 'held' while the host has engines take no job
-- positions(id...): the same of each of them; 'none' also of a record that cannot be acted on

-- `first`: equal tags go by name, and theirs is the lesser one.
local function ahead(tag, limit, work, count, first)
  if count == 0 or work <= 0 then return 0, 0 end
  local mean = work / count
  local n = math.ceil((limit - tag) / mean)
  if first and tag + n * mean == limit then n = n + 1 end
  n = math.max(0, math.min(count, n))
  return n, n * mean
end

-- Other accounts of the same place, but for those that have to wait for what they have elsewhere.
local function among_accounts(k, limit, place_tag)
  local jobs, seconds = 0, 0
  local all = redis.call('ZRANGEBYSCORE', k.places, '-inf', num(limit), 'WITHSCORES')
  for i = 1, #all, 2 do
    if all[i] ~= k.account and entitled(k.name, all[i]) <= place_tag then
      local field = 'p|' .. k.place .. '|' .. all[i]
      local count = tonumber(redis.call('HGET', k.work, 'n' .. field) or '0')
      local work = tonumber(redis.call('HGET', k.work, field) or '0')
      local n, s = ahead(tonumber(all[i + 1]), limit, work, count, all[i] < k.account)
      jobs, seconds = jobs + n, seconds + s
    end
  end
  return jobs, seconds
end

-- The account of a place where nobody else waits.
local function alone_in(lane_key, place)
  local accounts = redis.call('ZRANGE', lane_key .. '|' .. place, 0, 1)
  return #accounts == 1 and accounts[1] or nil
end

-- Other places; those of one account that is alone in them count as one. `own`: those of the asker alone, or none of them.
local function among_places(k, limit, asker, own)
  local flows = {}
  local all = redis.call('ZRANGEBYSCORE', k.lane, '-inf', num(limit), 'WITHSCORES')
  for i = 1, #all, 2 do
    local account = alone_in(k.lane, all[i])
    if all[i] ~= k.place and (asker ~= nil and account == asker) == own then
      local name, tag = account or 'c|' .. all[i], tonumber(all[i + 1])
      if account then tag = math.max(tag, entitled(k.name, account)) end
      local flow = flows[name] or { tag = tag, count = 0, work = 0, first = all[i] < k.place }
      flow.tag = math.min(flow.tag, tag)
      flow.count = flow.count + tonumber(redis.call('HGET', k.work, 'nc|' .. all[i]) or '0')
      flow.work = flow.work + tonumber(redis.call('HGET', k.work, 'c|' .. all[i]) or '0')
      flows[name] = flow
    end
  end
  local jobs, seconds = 0, 0
  for _, flow in pairs(flows) do
    local n, s = ahead(flow.tag, limit, flow.work, flow.count, flow.first)
    jobs, seconds = jobs + n, seconds + s
  end
  return jobs, seconds
end

local function place_of(id)
  local state = get(id, 'state')
  if not state then return { 'none' } end
  local lane = get(id, 'lane')
  if not lane then return { state, 0, '', 0, '' } end
  local k, cost = turn_keys(id), tonumber(get(id, 'cost') or '0')
  local waited = NOW - tonumber(get(id, 'queued_at') or num(NOW))
  if state ~= 'queued' then return { state, 0, lane, #engines_on(lane), '' } end
  if engines_are_shut() then return { state, 0, lane, #engines_on(lane), '', 'held' } end
  if redis.call('ZSCORE', 'unstill:parked:' .. lane, id) then return { state, 0, lane, #engines_on(lane), '', 'parked' } end
  local own = redis.call('ZRANK', k.line, id)
  -- an index that was damaged, not the record: nobody can say how many are ahead
  if not own or not redis.call('ZSCORE', k.places, k.account) or not redis.call('ZSCORE', k.lane, k.place) then
    return { state, 0, lane, #engines_on(lane), '' }
  end
  local own_field = 'p|' .. k.place .. '|' .. k.account
  local own_mean = tonumber(redis.call('HGET', k.work, own_field)) / tonumber(redis.call('HGET', k.work, 'n' .. own_field))
  local account_tag = tonumber(redis.call('ZSCORE', k.places, k.account)) + own * own_mean
  local place_tag, alone = tonumber(redis.call('ZSCORE', k.lane, k.place)), alone_in(k.lane, k.place)
  local jobs, seconds = among_accounts(k, account_tag, place_tag)
  jobs, seconds = jobs + own, seconds + own * own_mean
  if alone then
    place_tag = math.max(place_tag, entitled(k.name, alone))
    local n, s = among_places(k, place_tag + seconds, alone, true)
    jobs, seconds = jobs + n, seconds + s
  end
  local others, others_seconds = among_places(k, place_tag + seconds, alone, false)
  local ready, engines = ready_in(lane, cost, seconds + others_seconds, waited)
  return { state, jobs + others + 1, lane, engines, ready and num(ready) or '' }
end

function op.position(id)
  return place_of(id)
end

function op.positions(...)
  local places = {}
  for _, id in ipairs({ ... }) do places[#places + 1] = fault(id) and { 'none' } or place_of(id) end
  return places
end
