-- Reads all that is kept, at one moment: the server does nothing else meanwhile. It changes nothing.
--
-- Arguments: patterns of keys that are left out
-- Answer: seconds and microseconds of the server's clock; then each key with its type, milliseconds until it goes (below
--   0: it stays) and its value, which of a hash or a sorted set is a list of pairs
local read = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
}

local function is_left_out(key)
  for _, pattern in ipairs(ARGV) do
    if string.find(key, pattern) then return true end
  end
end

local found = {}
for _, key in ipairs(redis.call('KEYS', 'unstill:*')) do
  local kind = redis.call('TYPE', key).ok
  if read[kind] and not is_left_out(key) then
    found[#found + 1] = { key, kind, redis.call('PTTL', key), read[kind](key) }
  end
end
return { redis.call('TIME'), found }
