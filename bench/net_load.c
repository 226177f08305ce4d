/* The load of the net benchmark: connections to an echo server, each with one message on its way.
 *
 *     net_load PORT CONNECTIONS BYTES WARMUP SECONDS
 *
 * A message is a line of BYTES bytes. Whoever has got its message back sends the next one at once.
 * Nothing counts during the first WARMUP seconds; instead, what comes back is compared. In the end
 * it waits for what is on its way, so that no connection is reset. Prints a JSON object: messages a second, and the microseconds that 50 % and 99 % of them took at most.
 *
 * One thread. Sockets are watched edge-triggered: a socket is read until it gives less than was
 * asked for, and a message takes one send() and one recv() if the system takes and gives it whole. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_US = 1000000, EVENTS = 256 };

struct link {
  int socket;
  size_t sent, received;
  int64_t began;
};

static size_t size;
static char *message, *scratch;
static int is_warm, is_over, busy_links;
static uint32_t took[LONGEST_US + 1];
static uint64_t count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void begin(struct link *link) {
  link->sent = link->received = 0;
  link->began = nanoseconds();
}

static void note(const struct link *link) {
  if (!is_warm) return;
  int64_t us = (nanoseconds() - link->began) / 1000;
  took[us < LONGEST_US ? us : LONGEST_US]++;
  count++;
}

static void send_rest(struct link *link) {
  while (link->sent < size) {
    ssize_t n = send(link->socket, message + link->sent, size - link->sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) fail("send");
    link->sent += n;
  }
}

/* Receives what is there; a message that is whole makes room for the next. */
static void receive_rest(struct link *link) {
  for (;;) {
    size_t wanted = size - link->received;
    ssize_t n = recv(link->socket, scratch, wanted, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) fail("recv");
    if (n == 0) {
      fprintf(stderr, "the server has closed a connection\n");
      exit(1);
    }
    if (!is_warm && memcmp(scratch, message + link->received, n) != 0) {
      fprintf(stderr, "the server sent something else back\n");
      exit(1);
    }
    link->received += n;
    if (link->received == size) {
      note(link);
      if (is_over) {
        busy_links--;
        return;
      }
      begin(link);
      send_rest(link);
      return; /* nothing can have come back yet */
    }
    if ((size_t)n < wanted) return;
  }
}

static void connect_link(struct link *link, int port, int epoll) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  link->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(link->socket, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  int on = 1;
  setsockopt(link->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fcntl(link->socket, F_SETFL, O_NONBLOCK) < 0) fail("fcntl");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = link};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, link->socket, &event) < 0) fail("epoll_ctl");
}

/* Goes on for a time, or until nothing is on its way. */
static void run(int epoll, double seconds) {
  int64_t end = nanoseconds() + (int64_t)(seconds * 1e9);
  struct epoll_event events[EVENTS];
  for (int64_t now = 0; now < end && busy_links > 0; now = nanoseconds()) {
    int ready = epoll_wait(epoll, events, EVENTS, 5000);
    if (ready == 0) {
      fprintf(stderr, "the server is silent\n");
      exit(1);
    }
    for (int i = 0; i < ready; i++) {
      struct link *link = events[i].data.ptr;
      if (link->sent < size) send_rest(link);
      receive_rest(link);
    }
  }
}

/* How long `part` of the messages took at most. */
static int quantile(double part) {
  uint64_t wanted = (uint64_t)(count * part), seen = 0;
  int us = 0;
  while (us < LONGEST_US && (seen += took[us]) <= wanted) us++;
  return us;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "Usage: net_load PORT CONNECTIONS BYTES WARMUP SECONDS\n");
    return 2;
  }
  int connections = atoi(argv[2]);
  double warmup = atof(argv[4]), seconds = atof(argv[5]);
  size = strtoul(argv[3], NULL, 10);
  message = malloc(size);
  scratch = malloc(size);
  for (size_t i = 0; i < size; i++) message[i] = 'a' + i % 23;
  message[size - 1] = '\n';

  int epoll = epoll_create1(0);
  struct link *links = calloc(connections, sizeof *links);
  for (int i = 0; i < connections; i++) {
    connect_link(&links[i], atoi(argv[1]), epoll);
    begin(&links[i]);
    busy_links++;
  }
  run(epoll, warmup);
  is_warm = 1;
  int64_t start = nanoseconds();
  run(epoll, seconds);
  double passed = (nanoseconds() - start) / 1e9;
  is_warm = 0;
  is_over = 1;
  run(epoll, 5);
  printf("{\"rate\": %.1f, \"p50\": %d, \"p99\": %d}\n", count / passed, quantile(0.5), quantile(0.99));
  return 0;
}
