# SPDX-License-Identifier: MIT
"""keys.py - keys for one run, the same for the same seed; they guard nothing"""

import base64

import nacl.encoding
import nacl.signing

PUBLIC_EXPONENT = 65537
# SEQUENCE { OBJECT rsaEncryption, NULL } of RFC 8017 A.1
RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")


def is_prime(rng, n):
    if any(n % p == 0 for p in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(24):
        x = pow(rng.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def prime(rng, bits):
    while True:
        n = rng.getrandbits(bits) | 3 << (bits - 2) | 1
        if n % PUBLIC_EXPONENT != 1 and is_prime(rng, n):
            return n


def der(tag, body):
    size = len(body)
    length = bytes([size]) if size < 128 else (lambda b: bytes([0x80 | len(b)]) + b)(size.to_bytes((size.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + body


def der_integers(*numbers):
    return der(0x30, b"".join(der(2, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in numbers))


class RsaKey:
    type = "rsa"

    def __init__(self, rng, bits):
        p, q = prime(rng, bits // 2), prime(rng, bits // 2)
        n, d = p * q, pow(PUBLIC_EXPONENT, -1, (p - 1) * (q - 1))
        private = der_integers(0, n, PUBLIC_EXPONENT, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
        self.private = (b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(private) + b"-----END RSA PRIVATE KEY-----\n")
        bare = der_integers(n, PUBLIC_EXPONENT)
        self.bare = base64.b64encode(bare).decode()
        self.public = base64.b64encode(der(0x30, RSA_ENCRYPTION + der(3, b"\0" + bare))).decode()


class Ed25519Key:
    type = "ed25519"

    def __init__(self, rng):
        key = nacl.signing.SigningKey(rng.getrandbits(256).to_bytes(32, "big"))
        self.private = key.encode(nacl.encoding.Base64Encoder)
        self.public = self.bare = key.verify_key.encode(nacl.encoding.Base64Encoder).decode()
