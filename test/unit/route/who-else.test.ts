import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { refusal } from '../../../src/relay/addresses.ts'
import { RequestDecoder } from '../../../src/relay/decode.ts'
import { encodeResponse } from '../../../src/relay/encode.ts'
import { secondAddress } from '../../../src/relay/find.ts'
import { type OtherSession, parseWho, WHO_HOST, whoElse, whoLine } from '../../../src/route/who-else.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

const me: OtherSession = { session: 'a', user: 'me@here', weight: 255 }
const you: OtherSession = { session: 'b', user: 'you@there', weight: 255 }

/** An entrypoint whose connectors answer in turn; undefined: an app that says nothing. */
function entrypoint(answers: (OtherSession | string | undefined)[]) {
  const asked: string[] = []
  let turn = 0
  const dial = async (): Promise<Connection> => {
    const [near, far] = memoryPair()
    const decoder = new RequestDecoder()
    far.on('data', (chunk: Buffer) => {
      const decoded = decoder.push(chunk)
      if (decoded === undefined) return
      asked.push(secondAddress(decoded.message)?.host ?? '')
      const answer = answers[turn % answers.length]
      turn += 1
      far.write(encodeResponse(refusal(0)))
      if (typeof answer === 'string') far.end(answer)
      else if (answer !== undefined) far.end(whoLine(answer))
    })
    return near
  }
  return { dial, asked }
}

const ask = async (dial: () => Promise<Connection>, asks = 4): Promise<OtherSession[]> => {
  const clock = fakeClock()
  const found = whoElse(dial, { tunnelId: '10bc451e-59dc-4c70-999e-91a30813ac78', clock, asks }, new AbortController().signal)
  for (let i = 0; i < 20; i += 1) {
    await new Promise(resolve => setImmediate(resolve))
    await clock.advance(50)
  }
  return found
}

describe('whoElse', () => {
  it('finds each session that answers once', async () => {
    const { dial, asked } = entrypoint([me, you])
    expect(await ask(dial)).toEqual([me, you])
    expect(asked).toEqual([WHO_HOST, WHO_HOST, WHO_HOST, WHO_HOST])
  })

  it('finds nobody behind apps that say nothing, and stops waiting', async () => {
    expect(await ask(entrypoint([undefined]).dial)).toEqual([])
  })

  it('takes an app’s own banner for nobody', async () => {
    expect(await ask(entrypoint(['220 mail.example ESMTP\r\n', '{"intercept":1}\n', 'x'.repeat(2_000)]).dial)).toEqual([])
  })

  it('finds nobody where the entrypoint cannot be reached', async () => {
    expect(await ask(() => Promise.reject(new Error('refused')))).toEqual([])
  })
})

describe('parseWho', () => {
  it('reads its own line back and nothing else', () => {
    expect(parseWho(whoLine(me))).toEqual(me)
    expect(parseWho('null\n')).toBeUndefined()
    expect(parseWho('{"intercept":1,"session":1,"user":"x","weight":1}\n')).toBeUndefined()
  })
})
