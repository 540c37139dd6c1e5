-- Signs requests in a session (docs/format.md section 15), for wrk: a device's third request and each further one. OpenSSL, which wrk brings, does the hashing.

local ffi = require("ffi")
ffi.cdef [[
unsigned char *SHA256(const unsigned char *data, size_t length, unsigned char *hash);
const void *EVP_sha256(void);
unsigned char *HMAC(const void *hash, const void *key, int key_length, const unsigned char *data, size_t length, unsigned char *tag, unsigned int *tag_length);
int EVP_EncodeBlock(unsigned char *text, const unsigned char *bytes, int length);
]]
local crypto = ffi.load("libcrypto.so.3")
local sha256 = crypto.EVP_sha256()
local hash, text, length = ffi.new("unsigned char[32]"), ffi.new("unsigned char[64]"), ffi.new("unsigned int[1]")

local function unhex(digits)
  return (digits:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function base64()
  return ffi.string(text, crypto.EVP_EncodeBlock(text, hash, 32))
end

-- What stays the same of a device's requests to one place.
function signer(session, secret, method, path, type)
  local covered = type and ' "content-digest" "content-type"' or ""
  local self = { key = unhex(secret), count = 0, type = type }
  self.head = '"@method": ' .. method .. '\n"@authority": ' .. wrk.headers["Host"] .. '\n"@path": ' .. path .. '\n"@query": ?\n'
  self.before = '("@method" "@authority" "@path" "@query"' .. covered .. ");created="
  self.after = ';keyid="s' .. session .. '";nonce="'
  return self
end

-- The header lines that sign the next request.
function sign(self, body)
  self.count = self.count + 1
  local digest = ""
  local base = self.head
  if body then
    crypto.SHA256(body, #body, hash)
    digest = "sha-256=:" .. base64() .. ":"
    base = base .. '"content-digest": ' .. digest .. '\n"content-type": ' .. self.type .. "\n"
    digest = "content-digest: " .. digest .. "\r\n"
  end
  local parameters = self.before .. os.time() .. self.after .. self.count .. '";tag="rehome-device-v1"'
  base = base .. '"@signature-params": ' .. parameters
  crypto.HMAC(sha256, self.key, #self.key, base, #base, hash, length)
  return digest .. "signature-input: rh1=" .. parameters .. "\r\nsignature: rh1=:" .. base64() .. ":\r\n"
end

