-- The check that nothing has changed, for wrk: each device in turn asks with the tag that it has.
-- The bench puts the devices in front: DEVICES = { { token, path, tag }, ... }.

local turn = 0

request = function()
  turn = turn % #DEVICES + 1
  local device = DEVICES[turn]
  return wrk.format("GET", device[2], { ["Authorization"] = "Bearer " .. device[1], ["If-None-Match"] = device[3] })
end
