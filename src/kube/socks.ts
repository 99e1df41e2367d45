/** SOCKS5, loaded when it is needed. A module of our own: esbuild gives what `import()` loads of a CommonJS package as `default` only. */
export { SocksClient } from 'socks'
