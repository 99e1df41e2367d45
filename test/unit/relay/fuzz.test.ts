import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/base/errors.ts'
import { RequestDecoder, ResponseDecoder } from '../../../src/relay/decode.ts'
import { encodeRequest } from '../../../src/relay/encode.ts'
import type { Feature } from '../../../src/relay/message.ts'

const numRuns = 200
const byte = fc.nat({ max: 255 })
const text = fc.string({ maxLength: 60 })
const feature: fc.Arbitrary<Feature> = fc.oneof(
  fc.record({ type: fc.constant('auth' as const), user: text, password: text }),
  fc.record({ type: fc.constant('addr' as const), host: fc.oneof(fc.ipV4(), fc.domain()), port: fc.nat({ max: 65_535 }) }),
  fc.record({ type: fc.constant('network' as const), network: fc.nat({ max: 65_535 }) }),
  fc.record({ type: fc.constant('metadata' as const), entries: fc.array(fc.tuple(text, text), { maxLength: 20 }) }),
  fc.record({
    type: fc.constant('tunnel' as const),
    id: fc.record({ uuid: fc.uuid(), flag: byte, reserved: fc.nat({ max: 65_535 }), weight: byte })
  })
)

describe('relay fuzz', () => {
  it('answers garbage with a message, silence or a ProtocolError, never anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), fc.boolean(), (chunks, valid) => {
        const decoder = new RequestDecoder()
        try {
          if (valid) decoder.push(Buffer.from([1, 2]))
          for (const chunk of chunks) if (decoder.push(Buffer.from(chunk)) !== undefined) return
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
          expect((error as ProtocolError).code).toMatch(/^RELAY_/)
        }
      }),
      { numRuns }
    )
  })

  it('reads back whatever it writes', () => {
    fc.assert(
      fc.property(fc.array(feature, { maxLength: 8 }), features => {
        const request = { command: 2, flags: 0x40, features }
        expect(new RequestDecoder().push(encodeRequest(request))?.message).toEqual(request)
      }),
      { numRuns }
    )
  })

  it('refuses every cut of a message that lies about its lengths', () => {
    fc.assert(
      fc.property(fc.nat({ max: 255 }), fc.nat({ max: 40 }), (value, at) => {
        const bytes = Buffer.from('0100001c02000701cb007109c3cb02000f030b6e67696e782e6c6f63616c0050', 'hex')
        if (at < 4 || at >= bytes.length) return
        bytes[at] = value
        try {
          expect(new ResponseDecoder().push(bytes)).toBeDefined()
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns }
    )
  })
})
