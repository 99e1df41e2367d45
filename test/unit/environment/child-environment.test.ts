import { describe, expect, it } from 'vitest'
import { childEnvironment } from '../../../src/environment/child-environment.ts'
import type { Variable } from '../../../src/environment/types.ts'

const variable = (name: string, value: string, source = 'spec'): Variable => ({ name, value, source, secret: false })

describe('the environment of a program that runs in a container’s stead', () => {
  it('is the person’s own with the container’s over it, and ours over both', () => {
    const { values } = childEnvironment(
      { LANG: 'de', LEVEL: 'mine', HTTP_PROXY: 'http://corp' },
      [variable('LEVEL', 'debug', 'configmap/app:LEVEL'), variable('HTTP_PROXY', 'http://pod')],
      { HTTP_PROXY: 'http://127.0.0.1:1' }
    )
    expect(values).toEqual({ LANG: 'de', LEVEL: 'debug', HTTP_PROXY: 'http://127.0.0.1:1' })
  })

  it('keeps what finds this machine, and says so where the container’s definition names it', () => {
    const own = { PATH: '/usr/bin', HOME: '/home/ada' }
    const variables = [variable('PATH', '/app/bin'), variable('HOME', '/root', 'image or runtime'), variable('TMPDIR', '/work')]
    expect(childEnvironment(own, variables, {})).toEqual({ values: own, kept: ['PATH', 'TMPDIR'] })
  })

  it('takes of the image what the person has not', () => {
    const variables = [variable('NODE_VERSION', '20', 'image'), variable('LANG', 'C', 'image or Secret db')]
    expect(childEnvironment({ LANG: 'de' }, variables, {}).values).toEqual({ LANG: 'de', NODE_VERSION: '20' })
  })

  it('gives away no secret of ours, and nothing that no environment can hold', () => {
    const own = { INTERCEPT_TUNNEL_ID: '10bc451e', INTERCEPT_TUNNEL_AUTH: 'ada:secret', GONE: undefined }
    const variables = [variable('a=b', 'x'), variable('', 'x'), variable('NUL', 'a\0b')]
    expect(childEnvironment(own, variables, {}).values).toEqual({})
  })
})
