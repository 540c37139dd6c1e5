-- The check that nothing has changed, for wrk: each device in turn asks with the tag that it has, in a session.
-- The bench puts sign.lua and the devices in front: DEVICES = { { session, secret, path, tag }, ... }.

local turn = 0

local function prepare(device)
  device.signer = signer(device[1], device[2], "GET", device[3])
  device.head = "GET " .. device[3] .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\nIf-None-Match: " .. device[4] .. "\r\n"
end

local verified = false

request = function()
  if not verified then -- wrk looks at one request before it begins, and does not send it
    verified = true
    return wrk.format("GET", "/livez")
  end
  turn = turn % #DEVICES + 1
  local device = DEVICES[turn]
  if not device.head then prepare(device) end
  return device.head .. sign(device.signer) .. "\r\n"
end
