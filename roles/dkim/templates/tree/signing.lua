-- Managed by mailfleet.mta: changes here are replaced by the next run.
-- Signs each message with the key of its From domain, or refuses it: nothing leaves unsigned.
local live = '/etc/mailfleet/dkim/live/'
local keys = '/var/lib/mailfleet/dkim/'
-- (o) is signed once more than it occurs, so that nobody can add another one; (x) only if it occurs.
-- RFC 8058 wants both List-Unsubscribe fields signed.
local sign_headers = table.concat({
  '(o)from', '(o)reply-to', '(o)to', '(o)cc', '(o)subject', '(o)list-unsubscribe', '(o)list-unsubscribe-post',
  '(x)sender', '(x)date', '(x)message-id', '(x)in-reply-to', '(x)references',
  '(x)mime-version', '(x)content-type', '(x)content-transfer-encoding',
  'list-id', 'list-help', 'list-owner', 'list-subscribe', 'list-post', 'feedback-id', 'x-csa-complaints',
}, ':')

-- The maps are read for each message (0.01 ms for 1,000 domains), so an edit counts at once and needs no reload.
local function lines(map, domain)
  local file = assert(io.open(live .. map))
  local text = '\n' .. file:read('*a')
  file:close()
  local found, start = {}, '\n' .. domain .. ' '
  local _, last = text:find(start, 1, true)
  while last do
    table.insert(found, text:match('[^\n]*', last + 1))
    _, last = text:find(start, last, true)
  end
  return found
end

-- A domain that moves is signed in both pools until Postfix has its new configuration, a moment after this one.
local function taken_by(pool, domain)
  local file = pool:match('^[%w_%-]+$') and io.open('/etc/mailfleet/postfix/live/postfix-' .. pool .. '/senders')
  if not file then
    return false
  end
  local text = '\n' .. file:read('*a')
  file:close()
  return text:find('\n' .. domain .. ' permit\n', 1, true) ~= nil
end

-- The domain of the fleet that a name is, or is below of, such as a return path.
local function nearest(name)
  while name and #lines('pools.map', name) == 0 do
    name = name:match('^[^.]+%.(.+)$')
  end
  return name
end

local function from_domain(task)
  local from = task:get_from('mime') or {}
  if task:get_header_count('From') ~= 1 or #from ~= 1 then
    return nil
  end
  local domain = (from[1].domain or ''):lower()
  return domain:match('^[%w%.%-]+$')
end

local function decide(task)
  local domain = from_domain(task)
  if not domain then
    return 'reject', 'the message needs exactly one From header with exactly one address'
  end
  local pool = tostring(task:get_request_header('MTA-Name') or '')
  local signed = false
  for _, line in ipairs(lines('signing.map', domain)) do
    local owner, selector = line:match('^(%S+) (%S+)$')
    if owner == pool or taken_by(pool, domain) then
      signed = rspamd_plugins.dkim.sign(task, {
        domain = domain, selector = selector, headers = sign_headers,
        key = keys .. domain .. '/' .. selector .. '.private',
      })
      if not signed then
        return 'soft reject', string.format(
          'cannot sign for %s with selector %s now, see the log of rspamd on this sender; try again later', domain, selector)
      end
    end
  end
  if signed then
    task:insert_result('MAILFLEET_SIGNED', 1.0)
    return nil
  end
  for _, line in ipairs(lines('pools.map', domain)) do
    local owner, endpoints = line:match('^(%S+) (.*)$')
    if owner == pool then
      return 'soft reject', string.format('no key of %s is set up on this sender yet; try again later', domain)
    end
    local sender = (((task:get_from('smtp') or {})[1] or {}).domain or ''):lower()
    if nearest(sender) == domain then
      -- Postfix has taken the sender, and has yet to notice that its domain moved.
      return 'soft reject', string.format('%s moves to pool %s; submit it at %s, or here again later', domain, owner, endpoints)
    end
    return 'reject', string.format('From domain %s belongs to pool %s; submit it at %s', domain, owner, endpoints)
  end
  return 'reject', string.format('From domain %s is not a domain of this fleet; add it to fleet_domains', domain)
end

rspamd_config:register_symbol({
  name = 'MAILFLEET_SIGNED',
  callback = function(task)
    local action, message = decide(task)
    if action then
      task:set_pre_result(action, message, 'mailfleet')
    end
  end,
})
