-- Does what ARGV[1] names, with the other arguments. The answer is that of the transition, or of a transition about
-- one job whose record cannot be acted on: 'unreadable', id, what is wrong.
--
-- Keys: none

local ABOUT_ONE = set_of({ 'picture', 'queue', 'refuse', 'beat', 'begin', 'clip', 'finish', 'release', 'retry', 'park', 'cancel',
  'send', 'unsend', 'refit', 'sent', 'note_begin', 'note_set', 'note_clear', 'position' })

if ABOUT_ONE[ARGV[1]] then
  local wrong = fault(ARGV[2])
  if wrong and wrong ~= GONE then
    set_aside(ARGV[2], wrong, {})
    tidy()
    return { 'unreadable', ARGV[2], wrong }
  end
end
local reply = op[ARGV[1]](unpack(ARGV, 2))
if aside[1] then tidy() end
return reply
