// See ../assembly/costs.ts and chunks.ts; one module, since this SDK exports every callback.
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Costs { reads: 0, writes: 0, rounds: 0 }));
}}

#[derive(Clone, Copy)]
struct Costs {
    reads: u32,
    writes: u32,
    rounds: u32,
}

impl Context for Costs {}

impl RootContext for Costs {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = String::from_utf8(self.get_plugin_configuration().unwrap_or_default()).unwrap_or_default();
        let numbers: Vec<u32> = text.split(' ').map(|number| number.parse().unwrap_or(0)).collect();
        if let [reads, writes, rounds] = numbers[..] {
            *self = Costs { reads, writes, rounds };
        }
        true
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(CostsFilter(*self)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct CostsFilter(Costs);

impl Context for CostsFilter {}

impl HttpContext for CostsFilter {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        for _ in 0..self.0.reads {
            std::hint::black_box(self.get_http_request_header("x-device-id"));
        }
        for _ in 0..self.0.writes {
            self.set_http_request_header("x-plugin", Some("d-0123456789"));
        }
        let mut hash: u32 = 0x811c9dc5;
        for i in 0..self.0.rounds {
            hash = (hash ^ (i & 0xff)).wrapping_mul(0x01000193);
        }
        std::hint::black_box(hash);
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        std::hint::black_box(self.get_http_response_body(0, size));
        Action::Continue
    }
}
