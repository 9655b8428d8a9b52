package sluice.bench;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.reactor.netty.NettyReactiveWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import reactor.netty.http.server.logging.AccessLog;
import reactor.netty.http.server.logging.AccessLogArgProvider;

/** Spring Cloud Gateway with one route and a JSON access log. */
@SpringBootApplication
public class Subject {
  public static void main(String[] arguments) {
    SpringApplication.run(Subject.class, arguments);
  }

  @Bean
  WebServerFactoryCustomizer<NettyReactiveWebServerFactory> accessLog() {
    return factory -> factory.addServerCustomizers(server -> server.accessLog(true, Subject::line));
  }

  private static AccessLog line(AccessLogArgProvider exchange) {
    return AccessLog.create(
        "{\"start_time\":\"{}\",\"method\":\"{}\",\"path\":\"{}\",\"authority\":\"{}\",\"protocol\":\"{}\","
            + "\"response_code\":{},\"duration\":{},\"bytes_sent\":{},\"request_id\":\"{}\","
            + "\"downstream_remote_address\":\"{}\",\"user_agent\":\"{}\"}",
        exchange.accessDateTime(),
        exchange.method(),
        exchange.uri(),
        exchange.requestHeader("host"),
        exchange.protocol(),
        exchange.status(),
        exchange.duration(),
        exchange.contentLength(),
        exchange.requestHeader("x-request-id"),
        exchange.connectionInformation().remoteAddress(),
        exchange.requestHeader("user-agent"));
  }
}
