-- Sends requests that the bench has put together and signed beforehand, for wrk: the generator shares the cores with the server, so all it does is to read the
-- next one. The bench puts in front: REQUESTS = path. Each request there: its length and where its noise begins (4 bytes each, little-endian), then itself;
-- NOISE.LENGTH bytes of NOISE.BYTES follow it unless that place is NOISE.NONE.

local file = assert(io.open(REQUESTS, "rb"))
file:setvbuf("full", 4194304)

local function number(bytes, at)
  local a, b, c, d = bytes:byte(at, at + 3)
  return a + 256 * b + 65536 * c + 16777216 * d
end

local verified = false

request = function()
  if not verified then -- wrk looks at one request before it begins, and does not send it
    verified = true
    return wrk.format("GET", "/livez")
  end
  local head = file:read(8) or error("the bench has signed too few requests")
  local noise = number(head, 5)
  local bytes = file:read(number(head, 1))
  if noise == NOISE.NONE then return bytes end
  return bytes .. NOISE.BYTES:sub(noise + 1, noise + NOISE.LENGTH)
end
