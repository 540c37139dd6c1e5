-- An unchanged check-in, for wrk: each device in turn says that its facts and its policy are as they were, in a session.
-- The bench puts sign.lua and the devices in front: DEVICES = { { session, secret, policy mark }, ... }.

local turn = 0
local verified = false

local function prepare(device)
  device.signer = signer(device[1], device[2], "POST", "/api/v1/check-in", "application/json")
  device.body = '{"facts_mark":"bench","policy_mark":"' .. device[3] .. '"}'
  device.head = "POST /api/v1/check-in HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
    "\r\nContent-Type: application/json\r\nContent-Length: " .. #device.body .. "\r\n"
end

request = function()
  if not verified then -- wrk looks at one request before it begins, and does not send it
    verified = true
    return wrk.format("GET", "/livez")
  end
  turn = turn % #DEVICES + 1
  local device = DEVICES[turn]
  if not device.head then prepare(device) end
  return device.head .. sign(device.signer, device.body) .. "\r\n" .. device.body
end
