// The scenarios of scenarios.ts with github.com/proxy-wasm/proxy-wasm-go-sdk.
package main

import (
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() {
	proxywasm.SetVMContext(&vm{})
}

type vm struct {
	types.DefaultVMContext
}

func (*vm) NewPluginContext(uint32) types.PluginContext {
	return &plugin{}
}

type plugin struct {
	types.DefaultPluginContext
	configuration string
	ticks         int
	counter       proxywasm.MetricCounter
	gauge         proxywasm.MetricGauge
	histogram     proxywasm.MetricHistogram
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	configuration, err := proxywasm.GetPluginConfiguration()
	if err != nil {
		return types.OnPluginStartStatusFailed
	}
	p.configuration = string(configuration)
	p.counter = proxywasm.DefineCounterMetric("guest_counter")
	p.gauge = proxywasm.DefineGaugeMetric("guest_gauge")
	p.histogram = proxywasm.DefineHistogramMetric("guest_histogram")
	if _, err := proxywasm.RegisterSharedQueue("guest"); err != nil {
		proxywasm.LogWarnf("no queue: %v", err)
	}
	if err := proxywasm.SetTickPeriodMilliSeconds(50); err != nil {
		return types.OnPluginStartStatusFailed
	}
	return types.OnPluginStartStatusOK
}

func (p *plugin) OnTick() {
	if p.ticks < 3 {
		proxywasm.LogInfo("abi tick")
	}
	p.ticks++
}

func (*plugin) OnQueueReady(queue uint32) {
	for {
		item, err := proxywasm.DequeueSharedQueue(queue)
		if err != nil {
			return
		}
		proxywasm.LogInfof("abi dequeued %s", item)
	}
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext {
	return &scenario{plugin: p}
}

type scenario struct {
	types.DefaultHttpContext
	plugin *plugin
	name   string
}

func must(err error) {
	if err != nil {
		proxywasm.LogErrorf("abi failed: %v", err)
	}
}

func answer(status uint32, body string, headers ...[2]string) types.Action {
	must(proxywasm.SendHttpResponse(status, headers, []byte(body), -1))
	return types.ActionPause
}

func (s *scenario) OnHttpRequestHeaders(int, bool) types.Action {
	s.name, _ = proxywasm.GetHttpRequestHeader("x-scenario")
	switch s.name {
	case "headers":
		must(proxywasm.AddHttpRequestHeader("x-added", "1"))
		must(proxywasm.AddHttpRequestHeader("x-added", "2"))
		must(proxywasm.ReplaceHttpRequestHeader("x-replace", "new"))
		must(proxywasm.RemoveHttpRequestHeader("x-remove"))
	case "pairs":
		all, err := proxywasm.GetHttpRequestHeaders()
		must(err)
		all = append(all, [2]string{"x-count", strconv.Itoa(len(all))})
		must(proxywasm.ReplaceHttpRequestHeaders(all))
	case "local-headers":
		return answer(403, "local headers", [2]string{"x-local", "headers"})
	case "config":
		return answer(200, s.plugin.configuration)
	case "shared":
		return answer(200, strconv.FormatUint(countUp(), 10))
	case "callout", "callout-reply":
		return s.callOut("echo")
	case "callout-refused":
		return s.callOut("nowhere")
	case "queue":
		queue, err := proxywasm.ResolveSharedQueue("", "guest")
		must(err)
		must(proxywasm.EnqueueSharedQueue(queue, []byte("item")))
	case "metrics":
		s.plugin.counter.Increment(2)
		s.plugin.gauge.Add(7 - s.plugin.gauge.Value())
		s.plugin.histogram.Record(5)
	case "property":
		readProperties()
	case "foreign":
		s.callForeign()
	case "log":
		proxywasm.LogTrace("abi trace line")
		proxywasm.LogDebug("abi debug line")
		proxywasm.LogInfo("abi info line")
		proxywasm.LogWarn("abi warn line")
		proxywasm.LogError("abi error line")
	case "panic":
		panic("panic as told")
	}
	return types.ActionContinue
}

func (s *scenario) OnHttpRequestBody(size int, end bool) types.Action {
	if s.name == "local-body" {
		return answer(403, "local body", [2]string{"x-local", "body"})
	}
	if s.name != "body" {
		return types.ActionContinue
	}
	if !end {
		return types.ActionPause
	}
	body, err := proxywasm.GetHttpRequestBody(0, size)
	must(err)
	must(proxywasm.ReplaceHttpRequestBody(append([]byte("rewritten:"), body...)))
	return types.ActionContinue
}

func (s *scenario) OnHttpRequestTrailers(int) types.Action {
	if s.name == "trailers" {
		value, err := proxywasm.GetHttpRequestTrailer("x-trailer")
		must(err)
		must(proxywasm.AddHttpRequestTrailer("x-guest-trailer", value))
	}
	return types.ActionContinue
}

func (s *scenario) OnHttpResponseHeaders(int, bool) types.Action {
	switch s.name {
	case "headers":
		must(proxywasm.ReplaceHttpResponseHeader("x-up", "changed"))
		must(proxywasm.AddHttpResponseHeader("x-resp", "1"))
		must(proxywasm.RemoveHttpResponseHeader("x-two"))
	case "local-response":
		return answer(403, "local response", [2]string{"x-local", "response"})
	case "property":
		code, err := proxywasm.GetProperty([]string{"response", "code"})
		must(err)
		must(proxywasm.ReplaceHttpResponseHeader("x-prop-code", strconv.FormatUint(binary.LittleEndian.Uint64(code), 10)))
	}
	return types.ActionContinue
}

func (s *scenario) OnHttpResponseBody(size int, end bool) types.Action {
	if s.name != "body" {
		return types.ActionContinue
	}
	if !end {
		return types.ActionPause
	}
	body, err := proxywasm.GetHttpResponseBody(0, size)
	must(err)
	must(proxywasm.ReplaceHttpResponseBody(append([]byte("rewritten:"), body...)))
	return types.ActionContinue
}

func (s *scenario) OnHttpResponseTrailers(int) types.Action {
	if s.name == "trailers" {
		value, err := proxywasm.GetHttpResponseTrailer("x-tail")
		must(err)
		must(proxywasm.AddHttpResponseTrailer("x-guest-tail", value))
	}
	return types.ActionContinue
}

func (s *scenario) OnHttpStreamDone() {
	if s.name == "log" {
		status, _ := proxywasm.GetHttpResponseHeader(":status")
		proxywasm.LogInfof("abi logged %s", status)
	}
}

func (s *scenario) callOut(service string) types.Action {
	headers := [][2]string{{":method", "GET"}, {":path", "/callout"}, {":authority", "echo"}}
	if _, err := proxywasm.DispatchHttpCall(service, headers, nil, nil, 5000, s.called); err != nil {
		return answer(500, "refused")
	}
	return types.ActionPause
}

func (s *scenario) called(_, size, _ int) {
	headers, err := proxywasm.GetHttpCallResponseHeaders()
	must(err)
	body, err := proxywasm.GetHttpCallResponseBody(0, size)
	must(err)
	if s.name == "callout-reply" {
		answer(401, string(body))
		return
	}
	found := map[string]string{}
	for _, header := range headers {
		found[header[0]] = header[1]
	}
	must(proxywasm.ReplaceHttpRequestHeader("x-called", found[":status"]+" "+found["x-callout"]+" "+string(body)))
	must(proxywasm.ResumeHttpRequest())
}

func (s *scenario) callForeign() {
	packed, err := proxywasm.CallForeignFunction("compress", []byte("abi"))
	must(err)
	plain, err := proxywasm.CallForeignFunction("uncompress", packed)
	must(err)
	must(proxywasm.ReplaceHttpRequestHeader("x-foreign", string(plain)))
}

func readProperties() {
	method, err := proxywasm.GetProperty([]string{"request", "method"})
	must(err)
	must(proxywasm.ReplaceHttpRequestHeader("x-prop-method", string(method)))
	must(proxywasm.SetProperty([]string{"abi", "guest"}, []byte("set")))
	set, err := proxywasm.GetProperty([]string{"abi", "guest"})
	must(err)
	must(proxywasm.ReplaceHttpRequestHeader("x-prop-set", string(set)))
	absent := "there"
	if _, err := proxywasm.GetProperty([]string{"no", "such", "thing"}); errors.Is(err, types.ErrorStatusNotFound) {
		absent = "absent"
	}
	must(proxywasm.ReplaceHttpRequestHeader("x-prop-absent", absent))
}

func countUp() uint64 {
	for {
		count := uint64(1)
		old, cas, err := proxywasm.GetSharedData("count")
		if err == nil && len(old) == 8 {
			count = binary.LittleEndian.Uint64(old) + 1
		} else {
			cas = 0xffffffff
		}
		if proxywasm.SetSharedData("count", binary.LittleEndian.AppendUint64(nil, count), cas) == nil {
			return count
		}
	}
}
