-- How a person's requests are taken out of the server.
--
-- Keys: unstill:job:<id> unstill:mine:<person> unstill:gone:<name> unstill:rewrite unstill:jobs unstill:seconds:<day>
--   unstill:counts:<day>
--   unstill:clock:<lane>... unstill:lanes
-- forget(person, outcome, word...): ids that came since the caller looked, and storage keys of all files
--   What is answered vanishes, and the rest is cancelled, and vanishes when that is shown. The words are, in fours: an
--   id; its request without words and picture, or nothing where that cannot be read: such a record goes altogether; the
--   name by which it is known that it was here; and the files of a record of an older version. All files are thrown.
-- forgetting(id...): those of them that are forgotten and whose end has still to be shown

local function forget(id, request, outcome)
  local state = get(id, 'state')
  set(id, 'forgotten', 1)
  -- `answer` throws them once more, when no engine can be storing one any more
  throw(get(id, 'picture'))
  throw(get(id, 'clips'))
  if FINAL[state] then return vanish(id) end
  set(id, 'request', request)
  if op.cancel(id, outcome)[1] == 'late' then
    -- an outcome that was filed and not shown; what its render cost stays charged
    set(id, 'result', 'cancelled', 'outcome', outcome)
    if state ~= 'sending' then set(id, 'state', 'cancelled') end
    strip(id, { 'job', 'made' })
  end
end

-- An older version kept what counts by the names of people and chats themselves.
local function forget_names(person, places, lanes)
  for _, lane in ipairs(redis.call('SMEMBERS', 'unstill:lanes')) do lanes[lane] = true end
  for lane in pairs(lanes) do
    local clock = 'unstill:clock:' .. lane
    redis.call('HDEL', clock, 'f|' .. person, 'a|' .. person, 'b|' .. person)
    redis.call('DEL', clock .. '|' .. person)
    for place in pairs(places) do redis.call('HDEL', clock .. '|' .. place, 'f|' .. person) end
  end
  local hashes = { 'unstill:jobs' }
  for ago = 0, 3 do
    local day = math.floor(NOW / DAY) - ago
    hashes[#hashes + 1] = 'unstill:seconds:' .. day
    hashes[#hashes + 1] = 'unstill:counts:' .. day
  end
  for _, key in ipairs(hashes) do redis.call('HDEL', key, 'p|' .. person, 'c|' .. person) end
end

function op.forget(person, outcome, ...)
  local mine, left, files, given, places, lanes, words = 'unstill:mine:' .. person, {}, {}, {}, {}, {}, { ... }
  for i = 1, #words, 4 do given[words[i]] = { words[i + 1], words[i + 2], words[i + 3] } end
  for _, id in ipairs(redis.call('ZRANGE', mine, 0, -1)) do
    local wrong = fault(id)
    local known = (wrong and wrong ~= GONE) or (not wrong and get(id, 'request'))
    if known and not given[id] then
      if wrong or not get(id, 'forgotten') then left[#left + 1] = id end
    elseif known then
      local request, gone, older = unpack(given[id])
      throw(older)
      for key in string.gmatch(older, '%S+') do files[#files + 1] = key end
      if redis.call('TYPE', JOB .. id).ok == 'hash' then
        for _, field in ipairs({ 'picture', 'clips' }) do
          for key in string.gmatch(get(id, field) or '', '%S+') do files[#files + 1] = key end
        end
        places[get(id, 'place') or ''] = true
        lanes[get(id, 'lane') or ''] = true
      end
      if wrong or request == '' then
        set_aside(id, wrong or '', {})
        drop(id)
        redis.call('SET', 'unstill:gone:' .. gone, 1, 'PX', TIMES.gone_kept)
      else
        set(id, 'gone', gone)
        forget(id, request, outcome)
      end
    end
    if redis.call('EXISTS', JOB .. id) == 0 then redis.call('ZREM', mine, id) end
  end
  forget_names(person, places, lanes)
  redis.call('SET', 'unstill:rewrite', num(NOW))
  return { left, files }
end

function op.forgetting(...)
  local found = {}
  for _, id in ipairs({ ... }) do
    if not fault(id) and get(id, 'forgotten') then found[#found + 1] = id end
  end
  return found
end
