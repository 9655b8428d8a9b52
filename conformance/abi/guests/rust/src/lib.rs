// The scenarios of scenarios.ts with the crate proxy-wasm.
use log::{debug, error, info, trace, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType, Status};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

#[derive(Default)]
struct Root {
    configuration: String,
    ticks: u32,
    metrics: [u32; 3],
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.configuration = String::from_utf8(self.get_plugin_configuration().unwrap_or_default()).unwrap();
        self.metrics = [
            hostcalls::define_metric(MetricType::Counter, "guest_counter").unwrap(),
            hostcalls::define_metric(MetricType::Gauge, "guest_gauge").unwrap(),
            hostcalls::define_metric(MetricType::Histogram, "guest_histogram").unwrap(),
        ];
        self.register_shared_queue("guest");
        self.set_tick_period(Duration::from_millis(50));
        true
    }

    fn on_tick(&mut self) {
        if self.ticks < 3 {
            info!("abi tick");
        }
        self.ticks += 1;
    }

    fn on_queue_ready(&mut self, queue: u32) {
        while let Ok(Some(item)) = self.dequeue_shared_queue(queue) {
            info!("abi dequeued {}", String::from_utf8(item).unwrap());
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Scenario {
            configuration: self.configuration.clone(),
            metrics: self.metrics,
            ..Scenario::default()
        }))
    }
}

#[derive(Default)]
struct Scenario {
    configuration: String,
    metrics: [u32; 3],
    name: String,
    stream: Option<u32>,
    answers: Vec<String>,
}

impl Scenario {
    fn answer(&self, status: u32, body: &str, headers: Vec<(&str, &str)>) -> Action {
        self.send_http_response(status, headers, Some(body.as_bytes()));
        Action::Pause
    }

    fn call_out(&self, service: &str) -> Action {
        let headers = vec![(":method", "GET"), (":path", "/callout"), (":authority", "echo")];
        match self.dispatch_http_call(service, headers, None, vec![], Duration::from_secs(5)) {
            Ok(_) => Action::Pause,
            Err(_) => self.answer(500, "refused", vec![]),
        }
    }

    fn call_grpc(&self) -> Action {
        let metadata = vec![("x-from", b"guest".as_slice())];
        let timeout = Duration::from_secs(5);
        match self.dispatch_grpc_call("grpc-echo", "abi.Echo", "Say", metadata, Some(b"unary"), timeout) {
            Ok(_) => Action::Pause,
            Err(_) => self.answer(500, "refused", vec![]),
        }
    }

    fn stream_grpc(&mut self) -> Action {
        match self.open_grpc_stream("grpc-echo", "abi.Echo", "Say", vec![]) {
            Ok(stream) => {
                self.stream = Some(stream);
                self.send_grpc_stream_message(stream, Some(b"one"), false);
                self.send_grpc_stream_message(stream, Some(b"two"), true);
                Action::Pause
            }
            Err(_) => self.answer(500, "refused", vec![]),
        }
    }

    fn count_up(&self) -> u64 {
        loop {
            let (old, cas) = self.get_shared_data("count");
            let before = old.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()));
            let count = before + 1;
            let cas = cas.unwrap_or(u32::MAX);
            match self.set_shared_data("count", Some(&count.to_le_bytes()), Some(cas)) {
                Ok(()) => return count,
                Err(Status::CasMismatch) => {}
                Err(status) => panic!("unexpected status {status:?}"),
            }
        }
    }

    fn read_properties(&self) {
        let method = self.get_property(vec!["request", "method"]).unwrap();
        self.set_http_request_header_bytes("x-prop-method", Some(&method));
        self.set_property(vec!["abi", "guest"], Some(b"set"));
        let set = self.get_property(vec!["abi", "guest"]).unwrap();
        self.set_http_request_header_bytes("x-prop-set", Some(&set));
        let absent = self.get_property(vec!["no", "such", "thing"]).is_none();
        self.set_http_request_header("x-prop-absent", Some(if absent { "absent" } else { "there" }));
    }

    fn call_foreign(&self) {
        let packed = self.call_foreign_function("compress", Some(b"abi")).unwrap().unwrap();
        let plain = self.call_foreign_function("uncompress", Some(&packed)).unwrap().unwrap();
        self.set_http_request_header_bytes("x-foreign", Some(&plain));
    }
}

impl Context for Scenario {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, size: usize, _trailers: usize) {
        let body = self.get_http_call_response_body(0, size).unwrap_or_default();
        let body = String::from_utf8(body).unwrap();
        if self.name == "callout-reply" {
            self.answer(401, &body, vec![]);
            return;
        }
        let status = self.get_http_call_response_header(":status").unwrap_or_default();
        let answer = self.get_http_call_response_header("x-callout").unwrap_or_default();
        self.set_http_request_header("x-called", Some(&format!("{status} {answer} {body}")));
        self.resume_http_request();
    }

    fn on_grpc_call_response(&mut self, _token: u32, status: u32, size: usize) {
        let body = self.get_grpc_call_response_body(0, size).unwrap_or_default();
        let body = String::from_utf8(body).unwrap();
        self.set_http_request_header("x-grpc", Some(&format!("{status} {body}")));
        self.resume_http_request();
    }

    fn on_grpc_stream_initial_metadata(&mut self, _token: u32, _count: u32) {
        let value = self.get_grpc_stream_initial_metadata_value("x-initial").unwrap_or_default();
        self.answers.push(String::from_utf8(value).unwrap());
    }

    fn on_grpc_stream_message(&mut self, _token: u32, size: usize) {
        let message = self.get_grpc_stream_message(0, size).unwrap_or_default();
        self.answers.push(String::from_utf8(message).unwrap());
    }

    fn on_grpc_stream_trailing_metadata(&mut self, _token: u32, _count: u32) {
        let value = self.get_grpc_stream_trailing_metadata_value("x-trailing").unwrap_or_default();
        self.answers.push(String::from_utf8(value).unwrap());
    }

    fn on_grpc_stream_close(&mut self, token: u32, status: u32) {
        if self.stream == Some(token) {
            self.answers.push(status.to_string());
            self.set_http_request_header("x-grpc", Some(&self.answers.join(" ")));
            self.resume_http_request();
        }
    }
}

impl HttpContext for Scenario {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.name = self.get_http_request_header("x-scenario").unwrap_or_default();
        match self.name.as_str() {
            "headers" => {
                self.add_http_request_header("x-added", "1");
                self.add_http_request_header("x-added", "2");
                self.set_http_request_header("x-replace", Some("new"));
                self.remove_http_request_header("x-remove");
            }
            "pairs" => {
                let mut all = self.get_http_request_headers();
                all.push(("x-count".to_string(), all.len().to_string()));
                self.set_http_request_headers(all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect());
            }
            "local-headers" => return self.answer(403, "local headers", vec![("x-local", "headers")]),
            "config" => return self.answer(200, &self.configuration, vec![]),
            "shared" => return self.answer(200, &self.count_up().to_string(), vec![]),
            "callout" | "callout-reply" => return self.call_out("echo"),
            "callout-refused" => return self.call_out("nowhere"),
            "grpc" => return self.call_grpc(),
            "grpc-stream" => return self.stream_grpc(),
            "queue" => {
                let queue = self.resolve_shared_queue("", "guest").unwrap();
                self.enqueue_shared_queue(queue, Some(b"item")).unwrap();
            }
            "metrics" => {
                hostcalls::increment_metric(self.metrics[0], 2).unwrap();
                hostcalls::record_metric(self.metrics[1], 7).unwrap();
                hostcalls::record_metric(self.metrics[2], 5).unwrap();
            }
            "property" => self.read_properties(),
            "foreign" => self.call_foreign(),
            "log" => {
                trace!("abi trace line");
                debug!("abi debug line");
                info!("abi info line");
                warn!("abi warn line");
                error!("abi error line");
            }
            "panic" => panic!("panic as told"),
            _ => {}
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if self.name == "local-body" {
            return self.answer(403, "local body", vec![("x-local", "body")]);
        }
        if self.name != "body" {
            return Action::Continue;
        }
        if !end {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        self.set_http_request_body(0, size, &[b"rewritten:".as_slice(), &body].concat());
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        if self.name == "trailers" {
            let value = self.get_http_request_trailer("x-trailer").unwrap_or_default();
            self.add_http_request_trailer("x-guest-trailer", &value);
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        match self.name.as_str() {
            "headers" => {
                self.set_http_response_header("x-up", Some("changed"));
                self.add_http_response_header("x-resp", "1");
                self.remove_http_response_header("x-two");
            }
            "local-response" => return self.answer(403, "local response", vec![("x-local", "response")]),
            "property" => {
                let code = self.get_property(vec!["response", "code"]).unwrap();
                let code = u64::from_le_bytes(code.try_into().unwrap());
                self.set_http_response_header("x-prop-code", Some(&code.to_string()));
            }
            _ => {}
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if self.name != "body" {
            return Action::Continue;
        }
        if !end {
            return Action::Pause;
        }
        let body = self.get_http_response_body(0, size).unwrap_or_default();
        self.set_http_response_body(0, size, &[b"rewritten:".as_slice(), &body].concat());
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        if self.name == "trailers" {
            let value = self.get_http_response_trailer("x-tail").unwrap_or_default();
            self.add_http_response_trailer("x-guest-tail", &value);
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        if self.name == "log" {
            info!("abi logged {}", self.get_http_response_header(":status").unwrap_or_default());
        }
    }
}
