-- How an outcome is shown, once, and the status message before it. `sender` is a token of one delivery.
--
-- Keys: unstill:job:<id> unstill:due
-- send(id, sender): 'ok', 'sending' | 'no', state or 'none'
--   Takes, or renews, the right to deliver.
-- unsend(id, sender, delay, reason): 'ok' | 'lost'
-- refit(id, sender, lane, job, most): 'ok' | 'no' | 'lost'
--   The platform refused the clip's size. Said by its sender, `most` times a job; `job` holds the smaller limit.
-- sent(id, sender, state, receipt): 'ok' | 'lost'
--   What was shown was shown: a sender whose lease lapsed may still say so, until another one sends.
-- note_begin(id): 'go' | 'note', note | 'unknown'
--   The status message is sent once. Whoever begins and does not report back leaves it unknown for ever.
-- note_set(id, note): 'ok' | 'lost'
-- note_clear(id): 'ok'

function op.send(id, sender)
  local state = get(id, 'state')
  local again = state == 'sending' and get(id, 'sender') == sender
  if not ANSWER[state] and not again then return { 'no', state or 'none' } end
  if not again then redis.call('HINCRBY', JOB .. id, 'sends', 1) end
  set(id, 'state', 'sending', 'sender', sender)
  due(id, NOW + TIMES.send_lease)
  return { 'ok', 'sending' }
end

function op.unsend(id, sender, delay, reason)
  if get(id, 'state') ~= 'sending' or get(id, 'sender') ~= sender then return { 'lost' } end
  set(id, 'state', get(id, 'result'))
  due(id, NOW + delay)
  count('deliveries_refused', get(id, 'platform'), reason or 'other')
  return { 'ok' }
end

function op.refit(id, sender, lane, job, most)
  if get(id, 'refitter') == sender then return { 'ok' } end
  if get(id, 'state') ~= 'sending' or get(id, 'sender') ~= sender then return { 'lost' } end
  if get(id, 'result') ~= 'done' or tonumber(get(id, 'refits') or '0') >= tonumber(most) then return { 'no' } end
  redis.call('HINCRBY', JOB .. id, 'refits', 1)
  set(id, 'refitter', sender)
  line_up_to_shrink(id, lane, job)
  count('deliveries_refused', get(id, 'platform'), 'too_large')
  return { 'ok' }
end

function op.sent(id, sender, state, receipt)
  if get(id, 'sender') ~= sender then return { 'lost' } end
  if FINAL[get(id, 'state')] then return { 'ok' } end
  set(id, 'receipt', receipt)
  close(id, state)
  return { 'ok' }
end

function op.note_begin(id)
  local note = get(id, 'note')
  if note then return { 'note', note } end
  -- after the answer it would be the last word
  if get(id, 'noting') or get(id, 'outcome') or FINAL[get(id, 'state')] then return { 'unknown' } end
  if redis.call('EXISTS', JOB .. id) == 0 then return { 'unknown' } end
  set(id, 'noting', 1)
  return { 'go' }
end

function op.note_set(id, note)
  if redis.call('EXISTS', JOB .. id) == 0 then return { 'lost' } end
  set(id, 'note', note)
  return { 'ok' }
end

function op.note_clear(id)
  redis.call('HDEL', JOB .. id, 'noting')
  return { 'ok' }
end
