// See ../assembly/costs.ts and chunks.ts; one module, since this SDK exports every callback.
package main

import (
	"strconv"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() { proxywasm.SetVMContext(&vmContext{}) }

// kept is where results go, so that nothing is optimized away.
var kept uint32

type vmContext struct{ types.DefaultVMContext }

func (*vmContext) NewPluginContext(uint32) types.PluginContext { return &costs{} }

type costs struct {
	types.DefaultPluginContext
	reads, writes, rounds uint32
}

func (c *costs) OnPluginStart(int) types.OnPluginStartStatus {
	text, _ := proxywasm.GetPluginConfiguration()
	numbers := strings.Split(string(text), " ")
	for i, into := range []*uint32{&c.reads, &c.writes, &c.rounds} {
		if i < len(numbers) {
			number, _ := strconv.Atoi(numbers[i])
			*into = uint32(number)
		}
	}
	return types.OnPluginStartStatusOK
}

func (c *costs) NewHttpContext(uint32) types.HttpContext { return &filter{costs: c} }

type filter struct {
	types.DefaultHttpContext
	costs *costs
}

func (f *filter) OnHttpRequestHeaders(int, bool) types.Action {
	for i := uint32(0); i < f.costs.reads; i++ {
		value, _ := proxywasm.GetHttpRequestHeader("x-device-id")
		kept += uint32(len(value))
	}
	for i := uint32(0); i < f.costs.writes; i++ {
		_ = proxywasm.ReplaceHttpRequestHeader("x-plugin", "d-0123456789")
	}
	hash := uint32(0x811c9dc5)
	for i := uint32(0); i < f.costs.rounds; i++ {
		hash = (hash ^ (i & 0xff)) * 0x01000193
	}
	kept += hash
	return types.ActionContinue
}

func (f *filter) OnHttpResponseBody(size int, _ bool) types.Action {
	body, _ := proxywasm.GetHttpResponseBody(0, size)
	kept += uint32(len(body))
	return types.ActionContinue
}
