-- Files. Their keys are on record before their bytes are stored (fields `picture` and `clips`, a space between two
-- keys), so whoever looks at a record knows all that may exist, and what is thrown is surely deleted.
--
-- Keys: unstill:job:<id> unstill:trash unstill:thrown
-- trash(limit): storage keys
--   Gives files to delete now. Who is given them and dies is followed by another.
-- trashed(key...): 'ok'
--   They are deleted. Again a little later, and less and less often, as their bytes may have been on their way.

local function throw(keys)
  for key in string.gmatch(keys or '', '%S+') do
    redis.call('ZADD', 'unstill:trash', num(NOW), key)
    redis.call('HSET', 'unstill:thrown', key, num(NOW))
  end
end

local function throw_files(id)
  throw(get(id, 'picture'))
  throw(get(id, 'clips'))
  redis.call('HDEL', JOB .. id, 'picture', 'clips')
end

local function holds_word(words, word) return string.find(' ' .. words .. ' ', ' ' .. word .. ' ', 1, true) end

local function keep_clips(id, wanted)
  local kept = {}
  for key in string.gmatch(get(id, 'clips') or '', '%S+') do
    if holds_word(wanted, key) then kept[#kept + 1] = key else throw(key) end
  end
  set(id, 'clips', table.concat(kept, ' '))
end

function op.trash(limit)
  local keys = redis.call('ZRANGEBYSCORE', 'unstill:trash', '-inf', num(NOW), 'LIMIT', 0, limit)
  for _, key in ipairs(keys) do redis.call('ZADD', 'unstill:trash', num(NOW + TIMES.trash_lease), key) end
  return keys
end

function op.trashed(...)
  for _, key in ipairs({ ... }) do
    local age = NOW - tonumber(redis.call('HGET', 'unstill:thrown', key) or '0')
    if age < TIMES.trash_kept then
      redis.call('ZADD', 'unstill:trash', num(NOW + math.max(TIMES.trash_again, age)), key)
    else
      redis.call('ZREM', 'unstill:trash', key)
      redis.call('HDEL', 'unstill:thrown', key)
    end
  end
  return { 'ok' }
end
