/* The least that a UDP server can do: each datagram goes back as it came. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
	char buf[65536];
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int buffer = 1 << 20;
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) < 0 || bind(s, (struct sockaddr *)&a, sizeof a) < 0 || getsockname(s, (struct sockaddr *)&a, &n) < 0)
		return 1;
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	for (;;) {
		n = sizeof a;
		ssize_t got = recvfrom(s, buf, sizeof buf, 0, (struct sockaddr *)&a, &n);
		if (got > 0)
			sendto(s, buf, got, 0, (struct sockaddr *)&a, n);
	}
}
