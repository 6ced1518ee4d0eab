-- Time that was seen to pass, and what to do when the server's clock jumps.
--
-- Keys: unstill:job:<id> unstill:watched unstill:due unstill:trash unstill:thrown unstill:running:<lane> unstill:engines:<lane>
--   unstill:audited unstill:leader:<platform>

-- Appointments are in the server's time, and where that jumps they move along: nothing due is put off by as much, and no
-- lease is over that nobody could renew. Those made since the jump stay.
local function move(by, at)
  local far = NOW - by / 2
  if by < 0 then
    for _, key in ipairs({ DUE, 'unstill:trash', unpack(redis.call('KEYS', 'unstill:engines:*')) }) do
      local all = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
      for i = 1, #all, 2 do
        local score = tonumber(all[i + 1])
        if score > far then redis.call('ZADD', key, num(score + by), all[i]) end
      end
    end
    local thrown = redis.call('HGETALL', 'unstill:thrown')
    for i = 1, #thrown, 2 do
      if tonumber(thrown[i + 1]) > far then redis.call('HSET', 'unstill:thrown', thrown[i], num(thrown[i + 1] + by)) end
    end
    for _, key in ipairs({ 'unstill:audited', unpack(redis.call('KEYS', 'unstill:leader:*')) }) do
      local left = redis.call('PTTL', key)
      if left > -by / 2 then redis.call('PEXPIRE', key, num(math.max(1, left + by))) end
    end
  end
  for _, key in ipairs(redis.call('KEYS', 'unstill:running:*')) do
    local all = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      local id, ends = all[i], tonumber(all[i + 1])
      if by < 0 and ends > far or by > 0 and ends <= NOW then redis.call('ZADD', key, num(ends + by), id) end
      local lease = not fault(id) and tonumber(get(id, 'lease'))
      if lease and (by < 0 and lease > far or by > 0 and lease > at and lease <= NOW) then
        set(id, 'lease', num(NOW + TIMES.lease_left), 'started_at', num(math.min(NOW, get(id, 'started_at') + by)))
        due(id, NOW + TIMES.lease_left)
      end
    end
  end
end

local function watch()
  local at = tonumber(redis.call('HGET', 'unstill:watched', 'at') or num(NOW - TIMES.look))
  local passed = NOW - at
  if passed > -TIMES.went_back and passed < TIMES.look then return end
  redis.call('HSET', 'unstill:watched', 'at', num(NOW), 'ms', num(watched() + math.max(0, math.min(passed, TIMES.tick))))
  if passed <= -TIMES.went_back or passed > TIMES.went_on then move(passed, at) end
end
